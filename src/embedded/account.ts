import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { messageOf, UserError } from '../errors.ts';

const run = promisify(execFile);

/** The user that the database runs as, for `spawn`; undefined: the user of this process. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

const CANDIDATES = ['zoneferry', 'postgres', '_postgres'];

/**
 * Who the database runs as. PostgreSQL refuses to run as root, so root lends it to a user without privileges: the
 * first of `zoneferry`, `postgres` and `_postgres` that exists, else `zoneferry` is made.
 */
export async function databaseAccount(): Promise<Account | undefined> {
  if (process.geteuid?.() !== 0) return undefined;
  for (const name of CANDIDATES) {
    const account = await accountOf(name);
    if (account) return account;
  }
  return createAccount('zoneferry');
}

/** The name of a user, or `user <uid>` where it has none. */
export async function userName(uid: number): Promise<string> {
  return run('id', ['-un', String(uid)]).then(
    ({ stdout }) => stdout.trim(),
    () => `user ${uid}`,
  );
}

/** Whether the account may pass through every folder above a path, by their modes. The path has no links in it. */
export async function canReach(account: Account, path: string): Promise<boolean> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const { uid, gid, mode } = await stat(folder);
    const shift = uid === account.uid ? 6 : gid === account.gid ? 3 : 0;
    if (((mode >> shift) & 1) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

async function accountOf(name: string): Promise<Account | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

async function createAccount(name: string): Promise<Account> {
  const refusals: string[] = [];
  for (const [command, ...parameters] of CREATORS) {
    try {
      await run(command, [...parameters, name]);
    } catch (error) {
      refusals.push(messageOf(error));
    }
    const account = await accountOf(name);
    if (account) return account;
  }
  throw new UserError(
    `PostgreSQL can't run as root and no user "${name}" could be made for it (${refusals[0]}): make that user, run as an ordinary user, or set DATABASE_URL`,
  );
}

/** Debian and Red Hat, then BusyBox. */
const CREATORS = [
  [
    'useradd',
    '--system',
    '--user-group',
    '--no-create-home',
    '--home-dir',
    '/nonexistent',
    '--shell',
    '/bin/false',
  ],
  ['adduser', '-S', '-D', '-H', '-s', '/bin/false'],
] as const;
