import { randomUUID } from 'node:crypto';
import { link, readFile, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../errors.ts';
import { isAlive, type ProcessIdentity, thisProcess } from './process.ts';

interface Holder extends ProcessIdentity {
  /** Told apart from every other taking of the lock. */
  readonly token: string;
}

const POLL_MS = 20;

/**
 * Runs `work` while no other process of this machine, and no other call in this one, holds the lock file. The lock
 * of a process that died is broken.
 *
 * @param file the lock file; its folder exists, and helper files are laid beside it
 * @param deadlineMs how long to wait for the lock
 * @throws UserError when a living process still holds the lock after that time
 */
export async function withLock<T>(file: string, deadlineMs: number, work: () => Promise<T>): Promise<T> {
  const token = await take(file, performance.now() + deadlineMs);
  try {
    return await work();
  } finally {
    await release(file, token);
  }
}

async function take(file: string, deadline: number): Promise<string> {
  const mine: Holder = { ...(await thisProcess()), token: randomUUID() };
  for (;;) {
    if (await lay(file, mine)) return mine.token;
    const holder = await read(file);
    if (holder === undefined) continue;
    if (!(await isAlive(holder))) {
      await breakLock(file, holder, deadline);
    } else if (performance.now() > deadline) {
      throw new UserError(`${file} is held by process ${holder.pid}: wait for it to finish, or stop it`);
    } else {
      await sleep(POLL_MS);
    }
  }
}

/** The file appears with its content at once, as a link: nobody ever reads half a holder. */
async function lay(file: string, holder: Holder): Promise<boolean> {
  const draft = `${file}.${holder.token}`;
  await writeFile(draft, JSON.stringify(holder), { mode: 0o600 });
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(draft);
  }
}

/**
 * Takes a dead holder's lock away. Two that found it dead at once must not take the next holder's away, so the
 * right to remove *this* holder is a lock itself, under a name made of its token, which never comes again.
 */
async function breakLock(file: string, dead: Holder, deadline: number): Promise<void> {
  const right = join(dirname(file), `break-${dead.token}`);
  const token = await take(right, deadline);
  try {
    if ((await read(file))?.token === dead.token) await unlink(file);
  } finally {
    await release(right, token);
  }
}

async function release(file: string, token: string): Promise<void> {
  // The lock may be gone with its whole folder; it must not be another's.
  if ((await read(file))?.token === token) await unlink(file);
}

async function read(file: string): Promise<Holder | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Holder;
  } catch {
    // Only a power cut leaves this: no process that could hold it has survived.
    return { pid: 0, started: '', token: `unreadable-${basename(file)}` };
  }
}
