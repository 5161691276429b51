/** A bound on how much goes on at once; the rest waits in line. */
export class Slots {
  #free: number;
  readonly #line: (() => void)[] = [];
  #served = 0;

  constructor(count: number) {
    this.#free = count;
  }

  /** Does `work` when there is room for it. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((go) => this.#line.push(go));
    try {
      return await work();
    } finally {
      this.#release();
    }
  }

  /** Hands the slot on to the next in line. The line is cut in pieces, as shifting a long one is slow. */
  #release(): void {
    const next = this.#line[this.#served];
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#served++;
    if (this.#served === this.#line.length || this.#served > 10_000) {
      this.#line.splice(0, this.#served);
      this.#served = 0;
    }
    next();
  }
}
