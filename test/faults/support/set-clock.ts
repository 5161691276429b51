import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Debian's package `faketime`, or that of another system. */
const LIBRARY = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib64/faketime/libfaketime.so.1',
  '/usr/lib/faketime/libfaketime.so.1',
].find((path) => existsSync(path));

export const clocksCanBeSet = LIBRARY !== undefined;

/**
 * A clock that processes have instead of the machine's, and that may be set while they run. The steady clock, by which they wait, goes on
 * as it is: so it is where somebody sets the time.
 */
export class SetClock {
  /** What a process has in its environment to have this clock. */
  readonly environment: Record<string, string>;
  readonly #folder: string;
  #ahead = 0;

  private constructor(folder: string) {
    this.#folder = folder;
    this.environment = {
      LD_PRELOAD: LIBRARY ?? '',
      FAKETIME_TIMESTAMP_FILE: join(folder, 'time'),
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    };
  }

  static async make(): Promise<SetClock> {
    const folder = await mkdtemp(join(tmpdir(), 'zoneferry-clock-'));
    await chmod(folder, 0o755);
    const clock = new SetClock(folder);
    await clock.set(0);
    return clock;
  }

  /** Sets it to so many milliseconds ahead of the machine's, or behind it where negative. Whole seconds. */
  async set(ahead: number): Promise<void> {
    this.#ahead = Math.round(ahead / 1_000) * 1_000;
    const seconds = this.#ahead / 1_000;
    const file = join(this.#folder, 'time');
    await writeFile(`${file}.new`, `${seconds < 0 ? '' : '+'}${seconds}\n`, { mode: 0o644 });
    await rename(`${file}.new`, file);
  }

  /** Milliseconds since the epoch, as those processes have it. */
  now(): number {
    return Date.now() + this.#ahead;
  }

  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
