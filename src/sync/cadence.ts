/** How edits tell of themselves: see sql/0121_quiet_edits.sql. */
export interface CadenceOptions {
  /** Looks for marks now. */
  look(): void;
  /** Says to whoever edits that no hints are needed for so many milliseconds. */
  announce(ms: number): Promise<void>;
}

const WINDOW = 250; // ms in which hints and finds are counted
const MANY_HINTS = 12; // in a window: from then on looking by itself is cheaper for all
const FEW_FINDS = 4; // in a window: then hints again
const LOOK_EVERY = 20; // ms
const ANNOUNCED = 4 * WINDOW;
/** Looked on after what was announced: a transaction that sent no hint may commit a little later. */
const LONGER = 2 * WINDOW;

/**
 * Turns from hints to looking every few milliseconds while edits come in numbers, and back: the hints of many clients wait for one another at their
 * commits. A transaction that edited while none were needed and commits much later is found by the poll behind the hints.
 */
export class Cadence {
  readonly #options: CadenceOptions;
  #hints = 0;
  #finds = 0;
  #window: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;
  #until = 0;

  constructor(options: CadenceOptions) {
    this.#options = options;
  }

  /** Whether it looks by itself now. */
  get looks(): boolean {
    return this.#looking !== undefined;
  }

  /** A hint came. */
  hinted(): void {
    this.#hints++;
    this.#window ??= setInterval(() => this.#turn(), WINDOW);
  }

  /** A look found marks. */
  found(): void {
    this.#finds++;
  }

  stop(): void {
    clearInterval(this.#window);
    clearInterval(this.#looking);
    this.#window = undefined;
    this.#looking = undefined;
  }

  #turn(): void {
    const isBusy =
      this.#looking === undefined
        ? this.#hints >= MANY_HINTS
        : this.#finds >= FEW_FINDS || this.#hints >= MANY_HINTS;
    this.#hints = 0;
    this.#finds = 0;
    if (isBusy) {
      this.#looking ??= setInterval(() => this.#options.look(), LOOK_EVERY);
      this.#until = performance.now() + ANNOUNCED + LONGER;
      // where it can't be said, hints go on
      this.#options.announce(ANNOUNCED).catch(() => {});
    } else if (performance.now() >= this.#until) this.stop();
  }
}
