import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, realpath, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '../errors.ts';
import { userName } from './account.ts';

/** What `.zoneferry/server.json` remembers between runs. */
export interface ServerState {
  /** Where the data directory is: relative to the folder, so that it may be moved, or absolute elsewhere. */
  readonly home: string;
  readonly password: string;
  /** The port of the last start. */
  readonly port?: number;
}

/**
 * Opens `.zoneferry/` in a working directory, making it where there is none.
 *
 * @returns its real path
 * @throws UserError where it can't be made or belongs to somebody else
 */
export async function openFolder(directory: string): Promise<string> {
  const folder = join(directory, '.zoneferry');
  try {
    await mkdir(folder, { mode: 0o700 });
    await writeFile(join(folder, '.gitignore'), '*\n', { mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) {
      throw new UserError(
        `${folder} can't be made (${messageOf(error)}): start in a folder you may write to, or set DATABASE_URL`,
      );
    }
  }
  const found = await stat(folder);
  const { uid, mode } = found;
  if (!found.isDirectory()) throw new UserError(`${folder} is no folder: move it away, or set DATABASE_URL`);
  const me = process.geteuid?.() ?? uid;
  if (uid !== me) {
    throw new UserError(
      `${folder} belongs to ${await userName(uid)}, not to ${await userName(me)}: run as its owner, start in another folder, or set DATABASE_URL`,
    );
  }
  // Root's database runs as another user, who has to pass through, and can't read: the files are 0600.
  const wanted = me === 0 ? 0o711 : 0o700;
  if ((mode & 0o777) !== wanted) await chmod(folder, wanted);
  return realpath(folder);
}

/** What was remembered; undefined on the first run. Hold the lock. */
export async function readState(folder: string): Promise<ServerState | undefined> {
  const file = join(folder, 'server.json');
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as ServerState;
  } catch {
    throw new UserError(
      `${file} is damaged: restore it, or remove ${folder} to start with an empty database`,
    );
  }
}

/** Remembers. Hold the lock. */
export async function writeState(folder: string, state: ServerState): Promise<void> {
  const draft = join(folder, 'server.json.new');
  await writeFile(draft, JSON.stringify(state, null, 2), { mode: 0o600, flush: true });
  await rename(draft, join(folder, 'server.json'));
}

export function newPassword(): string {
  return randomBytes(24).toString('base64url');
}
