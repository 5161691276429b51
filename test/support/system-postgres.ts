import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { databaseAccount } from '../../src/embedded/account.ts';
import { freePort } from './secondaries/ports.ts';
import { until } from './until.ts';

const execute = promisify(execFile);
const PASSWORD = 'of-this-test-alone';
const FOLDERS = '/usr/lib/postgresql';

/** A PostgreSQL of the operating system, with the programs that belong to it: what an operator has. */
export interface SystemPostgres {
  /** Major. */
  version: number;
  /** Of a database on it. */
  url(database: string): string;
  /** Runs one of its programs, such as pg_dump; gives standard output. */
  program(name: string, ...args: string[]): Promise<string>;
  stop(): Promise<void>;
}

/** The folder of the programs of the newest version that Debian's packages brought. On a build machine (`CI` is set) a missing one is an error. */
export function systemPostgres(): string | undefined {
  const versions = existsSync(FOLDERS) ? readdirSync(FOLDERS).map(Number).filter(Number.isInteger) : [];
  const found = versions
    .sort((a, b) => b - a)
    .map((version) => join(FOLDERS, String(version), 'bin'))
    .find((folder) =>
      ['postgres', 'initdb', 'pg_dump', 'psql'].every((name) => existsSync(join(folder, name))),
    );
  if (found === undefined && process.env.CI)
    throw new Error(`CI is set, and there is no PostgreSQL below ${FOLDERS}: see .ci/run`);
  return found;
}

/** Starts one on a free port, with data of its own in a temporary folder. */
export async function startSystemPostgres(programs: string): Promise<SystemPostgres> {
  const account = await databaseAccount();
  const folder = await mkdtemp(join(tmpdir(), 'zoneferry-system-postgres-'));
  if (account) await chown(folder, account.uid, account.gid);
  await chmod(folder, 0o700);
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, PASSWORD);
  if (account) await chown(passwordFile, account.uid, account.gid);
  const data = join(folder, 'data');
  const identity = { ...account, cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C' } };
  await execute(
    join(programs, 'initdb'),
    [
      '-D',
      data,
      '-U',
      'operator',
      '--pwfile',
      passwordFile,
      '-A',
      'scram-sha-256',
      '-E',
      'UTF8',
      '--locale=C.UTF-8',
    ],
    identity,
  );
  const port = await freePort();
  const server = spawn(
    join(programs, 'postgres'),
    ['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
    { ...identity, stdio: 'ignore' },
  );
  const ended = once(server, 'exit');
  const url = (database: string) => `postgresql://operator:${PASSWORD}@127.0.0.1:${port}/${database}`;
  const program = async (name: string, ...args: string[]) =>
    (await execute(join(programs, name), args, { maxBuffer: 1 << 28 })).stdout;
  const stop = async () => {
    server.kill('SIGINT');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await until('PostgreSQL answers', () => program('psql', '-Atc', 'select 1', url('postgres')), {
      deadlineMs: 60_000,
      everyMs: 200,
    });
  } catch (error) {
    await stop();
    throw error;
  }
  const version = Math.floor(
    Number(await program('psql', '-Atc', 'show server_version_num', url('postgres'))) / 10_000,
  );
  return { version, url, program, stop };
}
