import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';

const BATCH = 1_000;
/** Kept while the database can't be written; beyond them the oldest are dropped. */
const MOST_KEPT = 20_000;
const RETRY = 1_000;

export interface GatherOptions<T> {
  /** Writes a batch in one statement. */
  write(batch: readonly T[]): Promise<void>;
  written?(batch: readonly T[]): void;
  log?: Log | undefined;
  /** For the log: "… can not be written now". */
  what: string;
  /** Milliseconds in which results are gathered for one statement. Default 10. */
  everyMs?: number;
}

/** Writes results many at once; those that can't be written are kept, up to a number, and written later. */
export class Gather<T> {
  readonly #options: GatherOptions<T>;
  #results: T[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #failing = false;

  constructor(options: GatherOptions<T>) {
    this.#options = options;
  }

  add(result: T): void {
    this.#results.push(result);
    if (this.#results.length >= MOST_KEPT + BATCH) this.#results.splice(0, BATCH);
    this.#schedule(this.#gatherMs);
  }

  /** Whether more comes than is written: who brings it had better wait. */
  get isBehind(): boolean {
    return this.#results.length >= 2 * BATCH;
  }

  /** Writes what is there, once; what can't be written is lost with this process. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    await this.#write();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  get #gatherMs(): number {
    return this.#options.everyMs ?? 10;
  }

  #schedule(delay: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#writing ??= this.#write().finally(() => {
        this.#writing = undefined;
        if (this.#results.length > 0) this.#schedule(this.#failing ? RETRY : this.#gatherMs);
      });
    }, delay);
  }

  async #write(): Promise<void> {
    const { write, written, log, what } = this.#options;
    while (this.#results.length > 0) {
      const batch = this.#results.splice(0, BATCH);
      try {
        await write(batch);
        this.#failing = false;
        written?.(batch);
      } catch (error) {
        this.#results.unshift(...batch);
        if (!this.#failing)
          log?.warn(
            { error: messageOf(error) },
            `${what} can not be written now: they are kept and written later`,
          );
        this.#failing = true;
        return;
      }
    }
  }
}
