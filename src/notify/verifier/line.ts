import type { Clock } from '../../clock.ts';
import { Rate } from '../rate.ts';
import type { Awaited, Taken } from './ports.ts';

/** Looks at one secondary at once, and while it is silent. */
const WINDOW = 128;
const WINDOW_WHILE_SILENT = 4;
/** Silences in a row after which a secondary counts as silent. */
const SILENCES = 8;
/** Looks in line behind a full window from which it takes no more that can wait elsewhere, and at most. */
const LINE = 1_000;
const MOST = 5_000;

/** A zone to look at, and how often it was looked at since it is in memory. */
export interface Item {
  awaited: Awaited;
  /** Milliseconds to the looks that follow at once, the next first. */
  soon: number[];
  /** What it has asked meanwhile. */
  taken?: Taken;
}

export interface LineOptions {
  rate: Rate;
  clock: Clock;
  /** Looks, and says whether the secondary gave any reply. */
  look(item: Item): Promise<boolean>;
  /** There is no room for it: to be looked at later. */
  turnAway(item: Item, silentFor: number): void;
}

/** The looks at one secondary: in line, under way, and whether it answers. */
export class Line {
  readonly #options: LineOptions;
  #rate: Rate;
  readonly #waiting: Item[] = [];
  #active = 0;
  #silences = 0;
  #silentSince = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: LineOptions) {
    this.#options = options;
    this.#rate = options.rate;
  }

  get idle(): boolean {
    return this.#active === 0 && this.#waiting.length === 0;
  }

  /** Whether it takes no more now. */
  get full(): boolean {
    return this.#isSilent ? this.#active >= WINDOW_WHILE_SILENT : this.#waiting.length >= LINE;
  }

  get #isSilent(): boolean {
    return this.#silences >= SILENCES;
  }

  add(item: Item): void {
    if (this.#stopped || this.#waiting.length >= MOST || (this.#isSilent && this.full)) {
      this.#options.turnAway(item, this.#silentFor());
      return;
    }
    const perSecond = item.awaited.rate === undefined ? this.#rate.perSecond : item.awaited.rate * 2;
    if (perSecond !== this.#rate.perSecond) this.#rate = new Rate(perSecond);
    this.#waiting.push(item);
    this.#pump();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }

  #pump(): void {
    const window = this.#isSilent ? WINDOW_WHILE_SILENT : WINDOW;
    while (!this.#stopped && this.#waiting.length > 0 && this.#active < window) {
      const wait = this.#rate.take(this.#options.clock.now());
      if (wait > 0) {
        this.#timer ??= setTimeout(() => {
          this.#timer = undefined;
          this.#pump();
        }, wait);
        return;
      }
      void this.#look(this.#waiting.shift()!);
    }
  }

  async #look(item: Item): Promise<void> {
    this.#active++;
    const replied = await this.#options.look(item);
    this.#active--;
    if (replied) this.#silences = 0;
    else if (++this.#silences === SILENCES) {
      this.#silentSince = this.#options.clock.now();
      for (const waiting of this.#waiting.splice(0)) this.#options.turnAway(waiting, 0);
    }
    this.#pump();
  }

  #silentFor(): number {
    return this.#isSilent ? Math.max(0, this.#options.clock.now() - this.#silentSince) : 0;
  }
}
