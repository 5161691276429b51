import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Where binaries and data are laid for root when the database's user can't enter the folder. */
export const SHARED = '/var/lib/zoneferry';

const ABANDONED_AFTER_MS = 30 * 24 * 3600 * 1000;

/**
 * A new home for the data of a folder. Part of the name is random: a folder made again at the same place must not
 * meet the data of its forerunner, whose password is gone with it.
 */
export function newSharedHome(folder: string): string {
  const hash = createHash('sha256').update(folder).update(randomBytes(8)).digest('hex');
  return join(SHARED, hash.slice(0, 16));
}

/** Makes the home ready and notes whose it is, and when it was last used, by that file's time. */
export async function laySharedHome(home: string, folder: string): Promise<void> {
  await mkdir(home, { recursive: true });
  await chmod(dirname(home), 0o755);
  await chmod(home, 0o711);
  await writeFile(join(home, OWNER), `${folder}\n`, { mode: 0o600 });
}

/**
 * Looks for homes whose folder is gone: their servers, which nobody can join any more, are stopped, and what wasn't
 * used for a month is removed. Not sooner, as a folder may have been moved, and finds its home again when it starts.
 *
 * @param mine the home just laid
 * @param stop stops the server of a data directory, if there is one
 */
export async function sweepSharedHomes(mine: string, stop: (data: string) => Promise<void>): Promise<void> {
  const now = (await stat(join(mine, OWNER))).mtimeMs;
  for (const name of await readdir(SHARED)) {
    const home = join(SHARED, name);
    const folder = await readFile(join(home, OWNER), 'utf8').catch(() => undefined);
    if (folder === undefined || home === mine || (await isThere(folder.trimEnd()))) continue;
    await stop(join(home, 'data'));
    if (now - (await stat(join(home, OWNER))).mtimeMs > ABANDONED_AFTER_MS)
      await rm(home, { recursive: true });
  }
}

const OWNER = 'belongs-to';

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
