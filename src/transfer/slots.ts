/** Gives a place back; a second call does nothing. */
export type Release = () => void;

interface Waiting {
  readonly give: (release: Release) => void;
}

/**
 * A bounded number of places, given out in turn: whoever holds many doesn't keep the others waiting, as those who
 * wait are served one key after the other. With a bound for each key, one that holds places gets a further one only while more are free than
 * it holds, so that any few who never give theirs back leave some.
 */
export class FairSlots {
  readonly #total: number;
  readonly #perKey: number;
  #held = 0;
  readonly #heldBy = new Map<string, number>();
  /** In the order of their next turn. */
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(total: number, perKey: number = total) {
    this.#total = total;
    this.#perKey = perKey;
  }

  /**
   * A place for this key, at once or after a wait of at most `timeoutMs`; undefined where none came free in time or
   * the signal was raised.
   */
  async acquire(key: string, timeoutMs: number, signal?: AbortSignal): Promise<Release | undefined> {
    if (signal?.aborted === true) return undefined;
    const free = this.tryAcquire(key);
    if (free !== undefined) return free;
    return await new Promise((resolve) => {
      const waiting: Waiting = { give: (release) => settle(release) };
      const settle = (release: Release | undefined): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', leave);
        resolve(release);
      };
      const leave = (): void => {
        this.#forget(key, waiting);
        settle(undefined);
      };
      const timer = setTimeout(leave, timeoutMs);
      signal?.addEventListener('abort', leave, { once: true });
      const queue = this.#waiting.get(key);
      if (queue === undefined) this.#waiting.set(key, [waiting]);
      else queue.push(waiting);
    });
  }

  /** A place for this key if one is free now and nobody waits for it. */
  tryAcquire(key: string): Release | undefined {
    return !this.#waiting.has(key) && this.#mayHave(key) ? this.#take(key) : undefined;
  }

  #mayHave(key: string): boolean {
    const free = this.#total - this.#held;
    if (this.#perKey >= this.#total) return free > 0;
    const own = this.#heldBy.get(key) ?? 0;
    return own < Math.min(free, this.#perKey);
  }

  #take(key: string): Release {
    this.#held++;
    this.#heldBy.set(key, (this.#heldBy.get(key) ?? 0) + 1);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#held--;
      const left = this.#heldBy.get(key)! - 1;
      if (left === 0) this.#heldBy.delete(key);
      else this.#heldBy.set(key, left);
      while (this.#handOn());
    };
  }

  /** Whether somebody who waited was given a place. */
  #handOn(): boolean {
    for (const [key, queue] of this.#waiting) {
      if (!this.#mayHave(key)) continue;
      const next = queue.shift()!;
      // Behind everybody else for its next one.
      this.#waiting.delete(key);
      if (queue.length > 0) this.#waiting.set(key, queue);
      next.give(this.#take(key));
      return true;
    }
    return false;
  }

  #forget(key: string, waiting: Waiting): void {
    const queue = this.#waiting.get(key);
    if (queue === undefined) return;
    const left = queue.filter((other) => other !== waiting);
    if (left.length === 0) this.#waiting.delete(key);
    else this.#waiting.set(key, left);
  }
}
