/** Has at most so many things done at once; the others wait for their turn in the order in which they came. */
export class Turns {
  readonly #most: number;
  #line: (() => void)[] = [];
  /** Those of the line that had their turn: it is cut in pieces, as shifting a long one is slow. */
  #through = 0;
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Calls `go` when it is its turn, which lasts until `end` is called. */
  take(go: () => void): void {
    if (this.#taken >= this.#most) {
      this.#line.push(go);
      return;
    }
    this.#taken++;
    go();
  }

  /** The next one has its turn. */
  end(): void {
    const next = this.#line[this.#through];
    if (next === undefined) {
      this.#taken--;
      return;
    }
    this.#through++;
    if (this.#through === this.#line.length || this.#through > 1_000) {
      this.#line = this.#line.slice(this.#through);
      this.#through = 0;
    }
    next();
  }
}
