import type { Clock } from '../clock.ts';

const WINDOW = 60_000; // ms
const MOST_WRONG = 60; // from one address in a window
const MOST_ADDRESSES = 10_000;

/**
 * Counts wrong tokens by address, so that nobody guesses at leisure. Who sent a right one before is never kept out by others behind the
 * same address: the guard asks here only about tokens that it has not seen to be right.
 */
export class Attempts {
  readonly #clock: Clock;
  readonly #wrong = new Map<string, { count: number; until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Seconds until this address may try again; 0 where it may now. */
  waitOf(address: string): number {
    const entry = this.#wrong.get(address);
    if (!entry || entry.count < MOST_WRONG) return 0;
    return Math.max(0, Math.ceil((entry.until - this.#clock.now()) / 1000));
  }

  /** A token of this address was wrong. */
  wrong(address: string): void {
    const now = this.#clock.now();
    const entry = this.#wrong.get(address);
    if (entry && entry.until > now) {
      entry.count++;
      return;
    }
    this.#wrong.delete(address);
    // the oldest goes: it is nearest to its end
    if (this.#wrong.size >= MOST_ADDRESSES) this.#wrong.delete(this.#wrong.keys().next().value ?? '');
    this.#wrong.set(address, { count: 1, until: now + WINDOW });
  }
}
