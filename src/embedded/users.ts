import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, type ProcessIdentity, thisProcess } from './process.ts';

/** Who uses the embedded server: one file a user, so that one killed hard is seen to be gone. Hold the lock. */
export class Users {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Registers this process once more; gives what `leave` takes. */
  async join(): Promise<string> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const identity = await thisProcess();
    const user = `${identity.pid}-${randomUUID()}`;
    await writeFile(join(this.#folder, user), JSON.stringify(identity), { mode: 0o600 });
    return user;
  }

  async leave(user: string): Promise<void> {
    await rm(join(this.#folder, user), { force: true });
  }

  /** How many living users there are; the files of dead ones are removed on the way. */
  async count(): Promise<number> {
    const files = await readdir(this.#folder).catch(() => []);
    const alive = await Promise.all(
      files.map(async (file) => {
        const path = join(this.#folder, file);
        const present = await isAlive(parse(await readFile(path, 'utf8').catch(() => '')));
        if (!present) await rm(path, { force: true });
        return present;
      }),
    );
    return alive.filter(Boolean).length;
  }
}

function parse(text: string): ProcessIdentity {
  try {
    return JSON.parse(text) as ProcessIdentity;
  } catch {
    return { pid: 0, started: '' };
  }
}
