import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { type Account, databaseAccount } from '../../src/embedded/account.ts';
import { type Binaries, findBinaries } from '../../src/embedded/binaries.ts';
import { initialise } from '../../src/embedded/server.ts';
import { SHARED } from '../../src/embedded/shared.ts';
import { freePort } from './secondaries/ports.ts';
import { until } from './until.ts';

export const PASSWORD = 'of-this-test-alone';

/** A way to start PostgreSQL: the programs, and the account that they need where the tests run as root. */
export interface Programs {
  account: Account | undefined;
  binaries: Binaries;
}

/** Signals by which PostgreSQL is stopped: `SIGINT` fast, `SIGQUIT` immediately, as after a power failure. */
export type StopSignal = 'SIGINT' | 'SIGQUIT';

/** A PostgreSQL of a test's own, which may be stopped, filled up, set otherwise, and started again on the same port. */
export class OwnPostgres {
  readonly port: number;
  readonly url: string;
  readonly folder: string;
  readonly #programs: Programs;
  readonly #data: string;
  readonly #settings: Record<string, string>;
  readonly #environment: NodeJS.ProcessEnv;
  #running: RunningPostgres | undefined;

  private constructor(
    programs: Programs,
    place: { folder: string; port: number },
    settings: Record<string, string>,
    environment: NodeJS.ProcessEnv,
  ) {
    const { folder, port } = place;
    this.#programs = programs;
    this.folder = folder;
    this.#data = join(folder, 'data');
    this.port = port;
    this.url = urlOf(port, 'zoneferry');
    this.#settings = settings;
    this.#environment = environment;
  }

  /**
   * @param folder where its data go, instead of a temporary folder of its own, which `close` removes
   * @param environment what it has beside ours
   */
  static async start(
    settings: Record<string, string> = {},
    folder?: string,
    environment: NodeJS.ProcessEnv = {},
  ): Promise<OwnPostgres> {
    const programs = await findPrograms();
    const place = folder ?? (await mkdtemp(join(tmpdir(), 'zoneferry-postgres-')));
    await handOver(place, programs.account);
    const postgres = new OwnPostgres(
      programs,
      { folder: place, port: await freePort() },
      settings,
      environment,
    );
    await initialise({ ...programs, data: postgres.#data, log: join(place, 'log'), password: PASSWORD });
    await postgres.start();
    await firstValue(urlOf(postgres.port, 'postgres'), 'create database zoneferry');
    return postgres;
  }

  async start(): Promise<void> {
    this.#running = await runPostgres(
      this.#programs,
      this.#data,
      this.port,
      this.#settings,
      this.#environment,
    );
  }

  /** Starts it as a standby of nobody, which can be read alone, as one that a fail-over leads to before it is promoted. */
  async startReadOnly(): Promise<void> {
    const signal = join(this.#data, 'standby.signal');
    await writeFile(signal, '');
    const { account } = this.#programs;
    if (account) await chown(signal, account.uid, account.gid);
    await this.start();
  }

  /** Whether it runs; one that met a full disk has ended by itself. */
  get running(): boolean {
    return this.#running !== undefined && !this.#running.ended();
  }

  async stop(signal: StopSignal = 'SIGQUIT'): Promise<void> {
    await this.#running?.stop(signal);
    this.#running = undefined;
  }

  /** The process number of the postmaster. */
  get pid(): number {
    return this.#running?.pid ?? 0;
  }

  log(): string {
    return this.#running?.log() ?? '';
  }

  /** Runs a statement as superuser, over a connection of its own; the first value of its first row. */
  admin(statement: string, database = 'postgres'): Promise<number | string | undefined> {
    return firstValue(urlOf(this.port, database), statement);
  }

  set(settings: Record<string, string>): Promise<void> {
    return setSettings(this.port, settings);
  }

  async close(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

export async function findPrograms(): Promise<Programs> {
  const account = await databaseAccount();
  return { account, binaries: await findBinaries(account, SHARED) };
}

/** Gives a folder to the database's user, who has to pass through. */
export async function handOver(folder: string, account: Programs['account']): Promise<void> {
  await chmod(folder, 0o711);
  if (account) await chown(folder, account.uid, account.gid);
}

export function urlOf(port: number, database: string): string {
  return `postgresql://zoneferry:${PASSWORD}@127.0.0.1:${port}/${database}`;
}

export interface RunningPostgres {
  pid: number;
  log(): string;
  ended(): boolean;
  stop(signal?: StopSignal): Promise<void>;
}

/** Starts PostgreSQL on data that are there; returns when it answers. */
export async function runPostgres(
  { binaries, account }: Programs,
  data: string,
  port: number,
  settings: Record<string, string> = {},
  environment: NodeJS.ProcessEnv = {},
): Promise<RunningPostgres> {
  const all = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    wal_level: 'replica',
    max_wal_senders: '10',
    hot_standby: 'on',
    fsync: 'off',
    ...settings,
  };
  const child = spawn(
    binaries.postgres,
    ['-D', data, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    { ...account, cwd: '/', env: { ...process.env, ...environment }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-20_000);
  });
  const ended = once(child, 'exit');
  // also where the test, or its start, comes to no good end
  const kill = () => child.kill('SIGQUIT');
  process.once('exit', kill);
  await until(
    `PostgreSQL on port ${port}`,
    () => firstValue(urlOf(port, 'postgres'), 'select 1').then((found) => found === 1),
    { deadlineMs: 60_000, explain: () => said },
  );
  return {
    pid: child.pid ?? 0,
    log: () => said,
    ended: () => child.exitCode !== null || child.signalCode !== null,
    stop: async (signal = 'SIGQUIT') => {
      child.kill(signal);
      await ended;
      process.off('exit', kill);
    },
  };
}

/** The first value of the first row; 1 where a row has none. */
export async function firstValue(url: string, statement: string): Promise<number | string | undefined> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query({ text: statement, rowMode: 'array' });
    return rows[0]?.[0] ?? (rows.length > 0 ? 1 : undefined);
  } finally {
    await client.end().catch(() => {});
  }
}

/** Sets settings of a running server, without a restart. */
export async function setSettings(port: number, settings: Record<string, string>): Promise<void> {
  const url = urlOf(port, 'postgres');
  for (const [name, value] of Object.entries(settings))
    await firstValue(url, `alter system set ${name} = '${value}'`);
  await firstValue(url, 'select pg_reload_conf()');
  for (const [name, value] of Object.entries(settings))
    await until(`${name} = ${value}`, () =>
      firstValue(url, `select 1 where current_setting('${name}') = '${value}'`).then((found) => found === 1),
    );
}

/** A copy of data that no server runs on. */
export async function copyData(from: string, to: string): Promise<void> {
  await promisify(execFile)('cp', ['-a', from, to]);
}
