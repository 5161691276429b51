/** Something that waits, up to a time of `performance.now()`. */
export interface Expiring {
  readonly deadline: number;
  expire(): void;
}

/** The deadlines of all that wait for one peer, behind one timer: one for each question would cost more than the question. */
export class Deadlines {
  readonly #all = new Set<Expiring>();
  #timer: NodeJS.Timeout | undefined;
  #nextAt = Number.POSITIVE_INFINITY;

  add(item: Expiring): void {
    this.#all.add(item);
    if (item.deadline < this.#nextAt) this.#schedule(item.deadline);
  }

  delete(item: Expiring): void {
    this.#all.delete(item);
  }

  /** Forgets all of them. */
  clear(): void {
    this.#all.clear();
    clearTimeout(this.#timer);
    this.#nextAt = Number.POSITIVE_INFINITY;
  }

  #schedule(at: number): void {
    clearTimeout(this.#timer);
    this.#nextAt = at;
    this.#timer = setTimeout(() => this.#check(), Math.max(1, at - performance.now()));
  }

  #check(): void {
    this.#nextAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const item of [...this.#all]) {
      if (item.deadline > now) next = Math.min(next, item.deadline);
      else {
        this.#all.delete(item);
        item.expire();
      }
    }
    if (next < this.#nextAt) this.#schedule(next);
  }
}
