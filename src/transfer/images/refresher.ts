import type { KnownVersion } from '../source.ts';

/**
 * Makes newer versions of large zones before somebody asks: one zone after the other, the newest version of each, a moment after the
 * change, so that changes in a row are one and the secondaries that were told of it are answered first.
 */
export class Refresher {
  readonly #make: (version: KnownVersion) => Promise<void>;
  readonly #waiting = new Map<string, KnownVersion>();
  #timer: NodeJS.Timeout | undefined;
  #isRunning = false;

  /** @param make makes a version, or nothing where that is not worth while; never rejects */
  constructor(make: (version: KnownVersion) => Promise<void>) {
    this.#make = make;
  }

  /** A newer version of a zone is there. */
  changed(version: KnownVersion): void {
    if (!this.#waiting.has(version.zoneId) && this.#waiting.size >= MOST_WAITING) return;
    this.#waiting.set(version.zoneId, version);
    if (!this.#isRunning) this.#timer ??= setTimeout(() => void this.#run(), MOMENT_MS).unref();
  }

  /** What waits is forgotten. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#waiting.clear();
  }

  async #run(): Promise<void> {
    this.#timer = undefined;
    this.#isRunning = true;
    for (const [zoneId, version] of this.#waiting) {
      this.#waiting.delete(zoneId);
      await this.#make(version);
    }
    this.#isRunning = false;
  }
}

const MOMENT_MS = 50;
const MOST_WAITING = 100;
