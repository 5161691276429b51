/** At most so many sends in any one second. */
export class Rate {
  readonly perSecond: number;
  /** The times of the last sends, milliseconds, in a ring. */
  readonly #sent: Float64Array;
  #next = 0;

  constructor(perSecond: number) {
    this.perSecond = Math.max(1, Math.floor(perSecond));
    this.#sent = new Float64Array(this.perSecond).fill(Number.NEGATIVE_INFINITY);
  }

  /** The same sends under another limit. */
  changedTo(perSecond: number): Rate {
    const changed = new Rate(perSecond);
    const oldestFirst = [...this.#sent.subarray(this.#next), ...this.#sent.subarray(0, this.#next)];
    const newest = oldestFirst.slice(-changed.perSecond);
    changed.#sent.set(newest, changed.perSecond - newest.length);
    return changed;
  }

  /** Counts one send, and gives 0; or gives the milliseconds until one is allowed. */
  take(now: number): number {
    const oldest = this.#sent[this.#next]!;
    // A clock that was set back must not stop the sending.
    const wait = oldest > now ? 0 : oldest + 1000 - now;
    if (wait > 0) return wait;
    this.#sent[this.#next] = now;
    this.#next = (this.#next + 1) % this.#sent.length;
    return 0;
  }
}
