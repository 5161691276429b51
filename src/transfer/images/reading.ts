import { setImmediate as nextTurn } from 'node:timers/promises';
import type { OpenVersion, PublishedZone } from '../../zone/version.ts';
import { within } from '../deadline.ts';
import { FairSlots } from '../slots.ts';
import type { VersionSource } from '../source.ts';

export interface ReadingBounds {
  readonly renderings: number;
  readonly sourceMs: number;
}

/** Reads whole versions from the store: a bounded number at once, each part within its deadline. */
export class Reading {
  readonly #source: VersionSource;
  readonly #sourceMs: number;
  readonly #slots: FairSlots;
  readonly #stopping = new AbortController();

  constructor(source: VersionSource, bounds: ReadingBounds) {
    this.#source = source;
    this.#sourceMs = bounds.sourceMs;
    this.#slots = new FairSlots(bounds.renderings);
  }

  get isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Ends what is under way and what waits. */
  stop(): void {
    this.#stopping.abort();
  }

  /**
   * Opens a version and hands it to `use`, which takes at least its first batch.
   *
   * @param what for, in the words of the error where no turn comes
   * @throws where no turn came in time, or the store can't give it
   */
  async open<T>(zone: PublishedZone, what: string, use: (version: OpenVersion) => Promise<T>): Promise<T> {
    const release = await this.#slots.acquire('', this.#sourceMs, this.#stopping.signal);
    if (release === undefined)
      throw new Error(`no turn to ${what} ${zone.name} came within ${this.#sourceMs} ms`);
    try {
      return await use(await this.#open(zone));
    } finally {
      release();
    }
  }

  /** The batches, each within its deadline, with a turn for everybody else in between. */
  async *batches(version: OpenVersion): AsyncGenerator<Buffer> {
    const iterator = version.batches[Symbol.asyncIterator]();
    let finished = false;
    try {
      for (let count = 0; ; count++) {
        if (count > 0) {
          await nextTurn();
          if (this.isStopping) throw new Error('the server is stopping');
        }
        const next = await within(this.#sourceMs, `reading zone ${version.zone.name}`, iterator.next());
        finished = next.done === true;
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      // Not waited for: the one that is late would make us late too.
      if (!finished) void iterator.return?.().catch(() => {});
    }
  }

  async #open(zone: PublishedZone): Promise<OpenVersion> {
    const opening = this.#source.open(zone.zoneId);
    try {
      return await within(this.#sourceMs, `opening zone ${zone.name}`, opening);
    } catch (error) {
      // One that comes too late is given back unread.
      opening.then(giveBack).catch(() => {});
      throw error;
    }
  }
}

/**
 * Frees what a version holds that nobody is going to read. A generator that was never started would end without
 * running its `finally`, so it is started first.
 */
export function giveBack(version: OpenVersion): void {
  const iterator = version.batches[Symbol.asyncIterator]();
  iterator
    .next()
    .then(() => iterator.return?.())
    .catch(() => {});
}
