import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Outbox } from '../store/outbox.ts';

const AGAIN_AFTER = 500; // ms

/**
 * Keeps the outbox in line with who is registered: after each change of that, and once more when the publications that were under way
 * then have ended, as these can't know of it. Nor could they know of a catalog that is new, or lists more: these are looked at once more too.
 */
export class Reconciler {
  readonly #outbox: Outbox;
  readonly #markCatalogs: () => Promise<void>;
  readonly #log: Log;
  #wanted = false;
  /** The transaction up to which publications may have missed a change. */
  #missedBefore: string | undefined;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(outbox: Outbox, markCatalogs: () => Promise<void>, log: Log) {
    this.#outbox = outbox;
    this.#markCatalogs = markCatalogs;
    this.#log = log;
  }

  /** Who is registered has changed. */
  wake(): void {
    this.#wanted = true;
    this.#work();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #work(): void {
    if (this.#stopped || this.#running !== undefined) return;
    clearTimeout(this.#timer);
    this.#running = this.#reconcile()
      .catch((error: unknown) => {
        this.#wanted = true;
        this.#log.warn(
          { error: messageOf(error) },
          'the outbox could not be brought in line with the registered secondaries; tried again in a moment',
        );
      })
      .finally(() => {
        this.#running = undefined;
        if (this.#stopped || (!this.#wanted && this.#missedBefore === undefined)) return;
        this.#timer = setTimeout(() => this.#work(), AGAIN_AFTER);
      });
  }

  async #reconcile(): Promise<void> {
    if (this.#wanted) {
      this.#wanted = false;
      this.#missedBefore = await this.#outbox.reconcile();
    } else if (this.#missedBefore !== undefined && (await this.#outbox.isPast(this.#missedBefore))) {
      await this.#outbox.reconcile();
      await this.#markCatalogs();
      this.#missedBefore = undefined;
    }
  }
}
