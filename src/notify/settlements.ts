import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { NotificationResult, NotifyOutbox } from './outbox.ts';

/** Milliseconds in which results are gathered for one statement. */
const GATHER = 10;
const BATCH = 1_000;
/** Results kept while the outbox can't be written; beyond them the oldest are dropped, and their rows sent again. */
const MOST_KEPT = 20_000;
const RETRY = 1_000;

/** Writes results to the outbox, many at once. */
export class Settlements {
  readonly #outbox: NotifyOutbox;
  readonly #log: Log | undefined;
  readonly #written: (results: readonly NotificationResult[]) => void;
  #results: NotificationResult[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #failing = false;

  constructor(
    outbox: NotifyOutbox,
    log: Log | undefined,
    written: (results: readonly NotificationResult[]) => void,
  ) {
    this.#outbox = outbox;
    this.#log = log;
    this.#written = written;
  }

  add(result: NotificationResult): void {
    this.#results.push(result);
    if (this.#results.length > MOST_KEPT) this.#results.splice(0, this.#results.length - MOST_KEPT);
    this.#schedule(GATHER);
  }

  /** Writes what is there, once; what can't be written is lost with this process, and its rows come again by themselves. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    await this.#write();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #schedule(delay: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#writing ??= this.#write().finally(() => {
        this.#writing = undefined;
        if (this.#results.length > 0) this.#schedule(this.#failing ? RETRY : GATHER);
      });
    }, delay);
  }

  async #write(): Promise<void> {
    while (this.#results.length > 0) {
      const batch = this.#results.splice(0, BATCH);
      try {
        await this.#outbox.settle(batch);
        this.#failing = false;
        this.#written(batch);
      } catch (error) {
        this.#results.unshift(...batch);
        if (!this.#failing) {
          this.#log?.warn(
            { error: messageOf(error) },
            'results of NOTIFY can not be written now: they are kept and written later',
          );
        }
        this.#failing = true;
        return;
      }
    }
  }
}
