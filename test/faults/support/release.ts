import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { environmentOf } from '../../support/service.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** A release in a folder of its own. */
export interface Release {
  /** What starts its commands. */
  bin: string;
  /** Runs one of them; standard output. */
  run(args: readonly string[], settings: Record<string, string>): Promise<string>;
  remove(): Promise<void>;
}

/** The next release: this one, with more steps of the schema, each by its file's name. */
export async function makeRelease(steps: Record<string, string>): Promise<Release> {
  const folder = await mkdtemp(join(tmpdir(), 'zoneferry-release-'));
  for (const part of ['bin', 'src', 'sql', 'package.json'])
    await cp(join(ROOT, part), join(folder, part), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const [name, text] of Object.entries(steps)) await writeFile(join(folder, 'sql', name), `${text}\n`);
  const bin = join(folder, 'bin/zoneferry.js');
  return {
    bin,
    run: async (args, settings) => {
      const { stdout } = await promisify(execFile)(process.execPath, [bin, ...args], {
        cwd: folder,
        env: environmentOf(settings),
      });
      return stdout;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
