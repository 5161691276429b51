export interface GateOptions {
  /** Questions under way at once, at most. */
  concurrency: number;
  /** Questions a second, at most; undefined: as many as are answered. */
  rate?: number | undefined;
  /** Milliseconds, growing steadily. */
  now(): number;
}

/** Milliseconds of the rate that may be used up at once. */
const BURST = 50;

/** Bounds what is asked of one upstream, at once and in a second. The rest waits in line, first come first served. */
export class Gate {
  readonly #options: GateOptions;
  readonly #line: (() => void)[] = [];
  /** Those of the line that are through: it is cut in pieces, as shifting a long one is slow. */
  #through = 0;
  #inside = 0;
  /** When the next question may go, were questions spread evenly. */
  #nextAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Questions that are under way. */
  get inside(): number {
    return this.#inside;
  }

  /** Questions that wait in line. */
  get waiting(): number {
    return this.#line.length - this.#through;
  }

  /** How many questions fit at once. */
  get concurrency(): number {
    return this.#options.concurrency;
  }

  /** Milliseconds that a question coming now would wait for the rate alone, behind all that wait already. */
  get rateDelay(): number {
    const { rate, now } = this.#options;
    if (rate === undefined) return 0;
    return Math.max(0, this.#nextAt - now() + (this.waiting * 1_000) / rate);
  }

  /** Undefined: there is room, and it is taken. Else the promise of it. Each has to be followed by `leave`. */
  enter(): Promise<void> | undefined {
    return this.tryEnter() ? undefined : new Promise<void>((go) => this.wait(go));
  }

  /** Whether there is room; then it is taken. */
  tryEnter(): boolean {
    if (this.waiting > 0 || !this.#admits()) return false;
    this.#take();
    return true;
  }

  /** Calls `go` when there is room, which is taken. */
  wait(go: () => void): void {
    this.#line.push(go);
    this.#release();
  }

  leave(): void {
    this.#inside--;
    this.#release();
  }

  /** Lets everyone through who waits, for an end: `enter` bounds nothing more of them. */
  open(): void {
    clearTimeout(this.#timer);
    for (const go of this.#line.splice(0).slice(this.#through)) {
      this.#inside++;
      go();
    }
    this.#through = 0;
  }

  #admits(): boolean {
    const { concurrency, rate, now } = this.#options;
    return this.#inside < concurrency && (rate === undefined || this.#nextAt <= now() + BURST);
  }

  #take(): void {
    const { rate, now } = this.#options;
    this.#inside++;
    if (rate !== undefined) this.#nextAt = Math.max(this.#nextAt, now()) + 1_000 / rate;
  }

  #release(): void {
    while (this.waiting > 0 && this.#admits()) {
      this.#take();
      this.#line[this.#through++]!();
      if (this.#through === this.#line.length || this.#through > 10_000) {
        this.#line.splice(0, this.#through);
        this.#through = 0;
      }
    }
    if (this.waiting > 0 && this.#inside < this.#options.concurrency && this.#timer === undefined) {
      this.#timer = setTimeout(
        () => {
          this.#timer = undefined;
          this.#release();
        },
        Math.max(1, this.#nextAt - this.#options.now() - BURST),
      );
    }
  }
}
