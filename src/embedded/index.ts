import { chmod, mkdir, realpath, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UserError } from '../errors.ts';
import { type Account, canReach, databaseAccount } from './account.ts';
import { findBinaries } from './binaries.ts';
import { newPassword, openFolder, readState, type ServerState, writeState } from './folder.ts';
import { withLock } from './lock.ts';
import {
  initialise,
  runningPid,
  runningPort,
  type Server,
  start,
  stop,
  urlOf,
  waitForAnswer,
} from './server.ts';
import { laySharedHome, newSharedHome, SHARED, sweepSharedHomes } from './shared.ts';
import { Users } from './users.ts';

/** A share in the embedded server of a folder. */
export interface Embedded {
  /** Where clients connect, password included. */
  readonly url: string;
  /** Gives the share back; the last one stops the server. Safe to call again. */
  leave(): Promise<void>;
}

/** Longer than the slowest start or stop of another process. */
const LOCK_DEADLINE_MS = 120_000;

/**
 * Joins the private PostgreSQL of a working directory, kept under its `.zoneferry/`. The server belongs to the
 * folder, not to a process: the first to join starts it, one left behind by a killed process is adopted, a dead one
 * recovered, the last to leave stops it. For root it runs as a user without privileges.
 *
 * @throws UserError in one line: the folder is somebody else's, the platform has no binaries, the start failed
 */
export async function startEmbedded(directory: string): Promise<Embedded> {
  const folder = await openFolder(directory);
  const lockFile = join(folder, 'lock');
  const users = new Users(join(folder, 'users'));
  return withLock(lockFile, LOCK_DEADLINE_MS, async () => {
    const { server, state } = await describe(folder);
    const user = await users.join();
    try {
      const port = await ensureRunning(server);
      await writeState(folder, { ...state, port });
      return { url: urlOf(server, port), leave: once(() => leave(lockFile, users, user, server)) };
    } catch (error) {
      await users.leave(user);
      throw error;
    }
  });
}

/** The address of the folder's server when it runs just now; nothing is started, and nobody joins. */
export async function findEmbedded(directory: string): Promise<string | undefined> {
  const folder = await realpath(join(directory, '.zoneferry')).catch(() => undefined);
  const state = folder === undefined ? undefined : await readState(folder);
  if (folder === undefined || state === undefined) return undefined;
  const server = serverIn(folder, state, undefined, { initdb: '', postgres: '', version: '' });
  const running = (await runningPid(server)) !== undefined;
  const port = running ? await runningPort(server) : undefined;
  return port === undefined ? undefined : urlOf(server, port);
}

/**
 * Removes a folder's database for good, wherever its data are: for folders made for a while.
 *
 * @throws UserError when somebody still uses it
 */
export async function removeEmbedded(directory: string): Promise<void> {
  const folder = await openFolder(directory);
  await withLock(join(folder, 'lock'), LOCK_DEADLINE_MS, async () => {
    const state = await readState(folder);
    if ((await new Users(join(folder, 'users')).count()) > 0)
      throw new UserError(`${folder} is in use: stop that first`);
    if (state === undefined) return;
    await stop(serverIn(folder, state, undefined, { initdb: '', postgres: '', version: '' }));
    await rm(resolve(folder, state.home), { recursive: true, force: true });
  });
  await rm(folder, { recursive: true, force: true });
}

async function leave(lockFile: string, users: Users, user: string, server: Server): Promise<void> {
  await withLock(lockFile, LOCK_DEADLINE_MS, async () => {
    await users.leave(user);
    if ((await users.count()) === 0) await stop(server);
  });
}

async function ensureRunning(server: Server): Promise<number> {
  if ((await runningPid(server)) !== undefined) {
    // One that was killed while it started has no port yet, or does not answer: it makes way for a new one.
    const port = await runningPort(server);
    if (port !== undefined && (await waitForAnswer(server, port))) return port;
    await stop(server);
  }
  await initialise(server);
  return start(server);
}

async function describe(folder: string): Promise<{ server: Server; state: ServerState }> {
  const account = await databaseAccount();
  const binaries = await findBinaries(account, SHARED);
  const known = await readState(folder);
  const state = known ?? { home: await chooseHome(folder, account), password: newPassword() };
  if (known === undefined) await writeState(folder, state);
  const server = serverIn(folder, state, account, binaries);
  await layHome(server, resolve(folder, state.home), folder);
  return { server, state };
}

function serverIn(
  folder: string,
  state: ServerState,
  account: Account | undefined,
  binaries: Server['binaries'],
): Server {
  const data = resolve(folder, state.home, 'data');
  return { binaries, account, data, log: join(folder, 'postgres.log'), password: state.password };
}

async function chooseHome(folder: string, account: Account | undefined): Promise<string> {
  const inside = 'postgres';
  const reachable = account === undefined || (await canReach(account, join(folder, inside)));
  return reachable ? inside : newSharedHome(folder);
}

async function layHome(server: Server, home: string, folder: string): Promise<void> {
  if (!isShared(home)) {
    await mkdir(home, { recursive: true });
    await chmod(home, server.account === undefined ? 0o700 : 0o711);
    return;
  }
  await laySharedHome(home, folder);
  await sweepSharedHomes(home, (data) => stop({ ...server, data }));
}

function isShared(home: string): boolean {
  return home.startsWith(`${SHARED}/`);
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}
