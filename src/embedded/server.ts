import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { messageOf, UserError } from '../errors.ts';
import type { Account } from './account.ts';
import type { Binaries } from './binaries.ts';
import { commandLine, isAlive } from './process.ts';

/** One PostgreSQL data directory and how to run it. Hold the lock for every call. */
export interface Server {
  readonly binaries: Binaries;
  readonly account: Account | undefined;
  readonly data: string;
  readonly log: string;
  readonly password: string;
}

const USER = 'zoneferry';
const DATABASE = 'zoneferry';
const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 20_000;
const LOG_LIMIT_BYTES = 10_000_000;

/** Makes the data directory where there is none; one whose making was cut short is made anew. */
export async function initialise(server: Server): Promise<void> {
  const version = await readFile(join(server.data, 'PG_VERSION'), 'utf8').catch(() => undefined);
  const major = server.binaries.version.split('.')[0];
  if (version !== undefined && version.trim() !== major) {
    throw new UserError(
      `${server.data} holds data of PostgreSQL ${version.trim()}, the installed one is ${major}: dump it with the old one, or remove it to start empty`,
    );
  }
  if (version !== undefined) return;
  const draft = `${server.data}.new`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  if (server.account) await chown(draft, server.account.uid, server.account.gid);
  await runInitdb(server, draft);
  await rename(draft, server.data);
}

/** The process number of the running server, or undefined: stopped, crashed, or its number given to another. */
export async function runningPid(server: Server): Promise<number | undefined> {
  const text = await readFile(join(server.data, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  if (!(pid > 0)) return undefined;
  if (!(await isAlive({ pid, started: '' }))) return undefined;
  // The port tells the server where its folder was moved under it.
  const [command = '', port] = [await commandLine(pid), await runningPort(server)];
  if (command.includes(server.data) || (port !== undefined && command.includes(` -p ${port} `))) return pid;
  // PostgreSQL would take any process of that number for a server and refuse to start.
  await rm(join(server.data, 'postmaster.pid'), { force: true });
  return undefined;
}

/** The port that the running server listens on. */
export async function runningPort(server: Server): Promise<number | undefined> {
  const lines = (await readFile(join(server.data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  const port = Number(lines[3]);
  return port > 0 ? port : undefined;
}

/**
 * Starts the server on a free loopback port and waits until it answers. After a crash it first recovers, and
 * waits for what is left of its processes.
 *
 * @returns the port
 */
export async function start(server: Server): Promise<number> {
  const deadline = performance.now() + START_DEADLINE_MS;
  for (;;) {
    const port = await freePort();
    const problem = await attempt(server, port, deadline);
    if (problem === undefined) return port;
    if (
      performance.now() > deadline ||
      !/could not bind|could not create any TCP|shared memory|postmaster\.pid/i.test(problem)
    ) {
      throw new UserError(`the embedded PostgreSQL does not start: ${problem} (its log: ${server.log})`);
    }
    await sleep(300);
  }
}

/** Waits until the server answers at the port with its password. */
export async function waitForAnswer(
  server: Server,
  port: number,
  gone: () => boolean = () => false,
): Promise<boolean> {
  const deadline = performance.now() + START_DEADLINE_MS;
  for (let problem: unknown; performance.now() < deadline; await sleep(30)) {
    if (gone()) return false;
    try {
      await ensureDatabase(server, port);
      return true;
    } catch (error) {
      problem = error;
      // 28P01: another server has that port, or the password is not the one of these data.
      if (hasCode(problem, '28P01')) return false;
    }
  }
  return false;
}

/** Stops the running server: what is under way is rolled back. Nothing remains of its processes. */
export async function stop(server: Server): Promise<void> {
  const pid = await runningPid(server);
  if (pid === undefined) return;
  // Fast shutdown, and immediate shutdown when that takes too long: the next start recovers.
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    kill(pid, signal);
    const deadline = performance.now() + STOP_DEADLINE_MS;
    while (performance.now() < deadline) {
      if (!(await isAlive({ pid, started: '' }))) return;
      await sleep(10);
    }
  }
}

/** Where clients connect. */
export function urlOf(server: Server, port: number, database = DATABASE): string {
  return `postgresql://${USER}:${server.password}@127.0.0.1:${port}/${database}`;
}

async function runInitdb(server: Server, data: string): Promise<void> {
  const passwordFile = `${data}.password`;
  await writeFile(passwordFile, `${server.password}\n`, { mode: 0o600 });
  if (server.account) await chown(passwordFile, server.account.uid, server.account.gid);
  try {
    const child = spawn(
      server.binaries.initdb,
      [
        ...['-D', data, '-U', USER, '--pwfile', passwordFile, '--auth', 'scram-sha-256'],
        ...[
          '--encoding',
          'UTF8',
          '--locale',
          'C',
          '--locale-provider',
          'builtin',
          '--builtin-locale',
          'C.UTF-8',
        ],
        ...['--no-instructions'],
      ],
      { ...identity(server), stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk));
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(lastLines(output));
  } catch (error) {
    throw new UserError(
      `the embedded PostgreSQL can't be set up (${messageOf(error)}): mend that, or set DATABASE_URL`,
    );
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/** Undefined: it runs and answers. Else why it does not. */
async function attempt(server: Server, port: number, deadline: number): Promise<string | undefined> {
  await turnLog(server.log);
  const log = await open(server.log, 'a', 0o600);
  const from = (await log.stat()).size;
  try {
    // Detached and without our pipes: the server belongs to the folder, and outlives whoever started it.
    const child = spawn(server.binaries.postgres, ['-D', server.data, '-p', String(port), ...parameters()], {
      ...identity(server),
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    let ended: string | undefined;
    child.once('error', (error) => {
      ended = messageOf(error);
    });
    child.once('exit', (code, signal) => {
      ended ??= `it ended with ${signal ?? `status ${code}`}`;
    });
    child.unref();
    if (await waitForAnswer(server, port, () => ended !== undefined)) return undefined;
    if (ended === undefined) {
      if (child.pid !== undefined) kill(child.pid, 'SIGINT');
      return `it does not answer on port ${port} after ${Math.round((START_DEADLINE_MS - (deadline - performance.now())) / 1000)} s`;
    }
    const said = (await readFile(server.log, 'utf8')).slice(from);
    return `${ended}: ${lastLines(said)}`;
  } finally {
    await log.close();
  }
}

function parameters(): string[] {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    // Paths of sockets are bounded at about 100 octets, folders are not.
    unix_socket_directories: '',
    cluster_name: 'zoneferry',
    max_connections: '200',
    shared_buffers: '128MB',
    huge_pages: 'off',
    fsync: 'on',
    // a minute of a steady churn leaves more behind than there is
    autovacuum_naptime: '10s',
    wal_level: 'minimal',
    max_wal_senders: '0',
    timezone: 'UTC',
    log_timezone: 'UTC',
    logging_collector: 'off',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** Nothing of our environment: a PGDATA or PGPORT of the operator's own is meant for another server. */
function identity(server: Server) {
  const environment = { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
  return { ...server.account, cwd: '/', env: environment };
}

async function ensureDatabase(server: Server, port: number): Promise<void> {
  const client = new pg.Client({
    connectionString: urlOf(server, port, 'postgres'),
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end();
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function turnLog(file: string): Promise<void> {
  const present = await stat(file).catch(() => undefined);
  if (present && present.size > LOG_LIMIT_BYTES) await rename(file, `${file}.1`);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It went by itself in the meantime.
  }
}

function lastLines(output: string): string {
  return output.trim().split('\n').slice(-3).join(' / ');
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
