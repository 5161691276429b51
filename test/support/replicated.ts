import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { databaseAccount } from '../../src/embedded/account.ts';
import { findBinaries } from '../../src/embedded/binaries.ts';
import { initialise } from '../../src/embedded/server.ts';
import { SHARED } from '../../src/embedded/shared.ts';
import { freePort } from './secondaries/ports.ts';
import { until } from './until.ts';

const PASSWORD = 'of-this-test-alone';
export const STANDBY_NAME = 'replica-1';

interface Running {
  url: string;
  stop(): Promise<void>;
}

/** A PostgreSQL and a hot standby that follows it, both real, for one test alone. */
export interface Replicated {
  primary: Running;
  standby: Running;
  /** Sets settings of the primary, without a restart. */
  set(settings: Record<string, string>): Promise<void>;
  stop(): Promise<void>;
}

/** `applyDelay`: how late the standby applies commits, as PostgreSQL writes it: `100ms`. */
export async function startReplicated(applyDelay: string): Promise<Replicated> {
  const account = await databaseAccount();
  const binaries = await findBinaries(account, SHARED);
  const folder = await mkdtemp(join(tmpdir(), 'zoneferry-replicated-'));
  await chmod(folder, 0o711);
  if (account) await chown(folder, account.uid, account.gid);
  const data = join(folder, 'primary');
  await initialise({ binaries, account, data, log: join(folder, 'log'), password: PASSWORD });
  const copy = join(folder, 'standby');
  await promisify(execFile)('cp', ['-a', data, copy]);
  const [port, standbyPort] = [await freePort(), await freePort()];
  const start = (from: string, at: number) => run(binaries.postgres, account, from, at);
  const url = (at: number, database: string) =>
    `postgresql://zoneferry:${PASSWORD}@127.0.0.1:${at}/${database}`;

  const primary = await start(data, port);
  await ask(url(port, 'postgres'), 'create database zoneferry');
  const conninfo = `host=127.0.0.1 port=${port} user=zoneferry password=${PASSWORD} application_name=${STANDBY_NAME}`;
  await appendFile(
    join(copy, 'postgresql.auto.conf'),
    `primary_conninfo = '${conninfo}'\nrecovery_min_apply_delay = '${applyDelay}'\n`,
  );
  await writeFile(join(copy, 'standby.signal'), '');
  if (account) await chown(join(copy, 'standby.signal'), account.uid, account.gid);
  const standby = await start(copy, standbyPort);
  await until('the standby follows', async () =>
    ask(url(standbyPort, 'zoneferry'), `select 1 from pg_stat_wal_receiver where status = 'streaming'`),
  );
  return {
    primary: { url: url(port, 'zoneferry'), stop: primary },
    standby: { url: url(standbyPort, 'zoneferry'), stop: standby },
    set: async (settings) => {
      for (const [name, value] of Object.entries(settings))
        await ask(url(port, 'postgres'), `alter system set ${name} = '${value}'`);
      await ask(url(port, 'postgres'), 'select pg_reload_conf()');
      for (const [name, value] of Object.entries(settings))
        await until(`${name} = ${value}`, async () =>
          ask(url(port, 'postgres'), `select 1 where current_setting('${name}') = '${value}'`),
        );
    },
    stop: async () => {
      await standby();
      await primary();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Starts one; gives what stops it. */
async function run(
  postgres: string,
  account: { uid: number; gid: number } | undefined,
  data: string,
  port: number,
): Promise<() => Promise<void>> {
  const settings = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    wal_level: 'replica',
    max_wal_senders: '10',
    wal_keep_size: '512MB',
    hot_standby: 'on',
    fsync: 'off',
  };
  const child = spawn(
    postgres,
    ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    { ...account, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-5_000);
  });
  const ended = once(child, 'exit');
  // also where the test, or its start, comes to no good end
  const kill = () => child.kill('SIGQUIT');
  process.once('exit', kill);
  const url = `postgresql://zoneferry:${PASSWORD}@127.0.0.1:${port}/postgres`;
  await until(`PostgreSQL on port ${port}`, async () => ask(url, 'select 1'), {
    deadlineMs: 60_000,
    explain: () => said,
  });
  return async () => {
    kill();
    await ended;
    process.off('exit', kill);
  };
}

/** The first value of the first row. */
async function ask(url: string, statement: string): Promise<number | undefined> {
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
