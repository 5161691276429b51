import type { Clock } from '../../clock.ts';
import type { Rate } from '../rate.ts';
import type { Awaited, Taken } from './ports.ts';

/** Looks at one secondary at once, and while it is silent. */
const WINDOW = 128;
const WINDOW_WHILE_SILENT = 4;
/** Silences in a row after which a secondary counts as silent. */
const SILENCES = 8;
/** Looks in line behind a full window from which it takes no more that can wait elsewhere, and at most. */
const LINE = 1_000;
const MOST = 5_000;
/** While nothing more may be looked at: milliseconds to the next try. */
const HALT = 50;
/** Looks after which it is judged how many of them were in vain, and the fewest a second. */
const JUDGED = 100;
const FEWEST = 50;

/** A zone to look at, and how often it was looked at since it is in memory. */
export interface Item {
  awaited: Awaited;
  /** Milliseconds to the looks that follow at once, the next first. */
  soon: number[];
  /** What it has asked meanwhile. */
  taken?: Taken;
}

export interface Outcome {
  /** The secondary gave a reply of any kind. */
  replied: boolean;
  /** It replied, and has not what it was looked at for. */
  inVain: boolean;
}

export interface LineOptions {
  rate: Rate;
  clock: Clock;
  /** Looks, and says what came of it. */
  look(item: Item): Promise<Outcome>;
  /** Whether what looks come to can be written as fast as it comes. */
  mayLook(): boolean;
  /** There is no room for it: to be looked at later. */
  turnAway(item: Item, silentFor: number): void;
}

/**
 * The looks at one secondary: in line, under way, and whether it answers. What has just been taken comes first. Where most looks are in vain, as
 * the secondary is far behind, there are fewer of them: they take the time of what it waits for.
 */
export class Line {
  readonly #options: LineOptions;
  /** As set, and as it is now. */
  #most: number;
  #rate: Rate;
  readonly #taken: Item[] = [];
  readonly #waiting: Item[] = [];
  #looks = 0;
  #inVain = 0;
  #active = 0;
  #silences = 0;
  #silentSince = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: LineOptions) {
    this.#options = options;
    this.#rate = options.rate;
    this.#most = options.rate.perSecond;
  }

  get idle(): boolean {
    return this.#active === 0 && this.#inLine === 0;
  }

  get #inLine(): number {
    return this.#taken.length + this.#waiting.length;
  }

  /** Whether it takes no more now. */
  get full(): boolean {
    return this.#isSilent ? this.#active >= WINDOW_WHILE_SILENT : this.#inLine >= LINE;
  }

  get #isSilent(): boolean {
    return this.#silences >= SILENCES;
  }

  add(item: Item): void {
    if (this.#stopped || this.#inLine >= MOST || (this.#isSilent && this.full)) {
      this.#options.turnAway(item, this.#silentFor());
      return;
    }
    const most = item.awaited.rate === undefined ? this.#most : item.awaited.rate * 2;
    if (most !== this.#most) {
      this.#most = most;
      this.#rate = this.#rate.changedTo(most);
    }
    (item.taken ? this.#taken : this.#waiting).push(item);
    this.#pump();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#taken.length = 0;
    this.#waiting.length = 0;
  }

  #pump(): void {
    const window = this.#isSilent ? WINDOW_WHILE_SILENT : WINDOW;
    while (!this.#stopped && this.#inLine > 0 && this.#active < window) {
      const wait = this.#options.mayLook() ? this.#rate.take(this.#options.clock.now()) : HALT;
      if (wait > 0) {
        this.#timer ??= setTimeout(() => {
          this.#timer = undefined;
          this.#pump();
        }, wait);
        return;
      }
      void this.#look((this.#taken.shift() ?? this.#waiting.shift())!);
    }
  }

  async #look(item: Item): Promise<void> {
    this.#active++;
    const { replied, inVain } = await this.#options.look(item);
    this.#active--;
    this.#judge(inVain);
    if (replied) this.#silences = 0;
    else if (++this.#silences === SILENCES) {
      this.#silentSince = this.#options.clock.now();
      for (const waiting of [...this.#taken.splice(0), ...this.#waiting.splice(0)])
        this.#options.turnAway(waiting, 0);
    }
    this.#pump();
  }

  /** Half as many a second where three of four were in vain, half as many again where most were not. */
  #judge(inVain: boolean): void {
    this.#looks++;
    if (inVain) this.#inVain++;
    if (this.#looks < JUDGED) return;
    const share = this.#inVain / this.#looks;
    this.#looks = this.#inVain = 0;
    const now = this.#rate.perSecond;
    const next = share > 0.75 ? Math.max(FEWEST, now / 2) : share < 0.5 ? now * 1.5 : now;
    const within = Math.min(this.#most, Math.floor(next));
    if (within !== now) this.#rate = this.#rate.changedTo(within);
  }

  #silentFor(): number {
    return this.#isSilent ? Math.max(0, this.#options.clock.now() - this.#silentSince) : 0;
  }
}
