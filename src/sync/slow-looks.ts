import type { Clock } from '../clock.ts';
import type { Asker } from '../store/followers.ts';
import { newChange, type Tracing } from '../trace.ts';
import type { Seen } from '../zone/alias/seen.ts';

/** Milliseconds from which a look has a span of its own, and how many have within a second. */
const SLOW = 1_000;
const MOST_A_SECOND = 20;

/** Spans of looks that took long; of all others there is one for many. */
export class SlowLooks {
  readonly #tracing: Tracing;
  readonly #clock: Clock;
  #second = 0;
  #told = 0;

  constructor(tracing: Tracing, clock: Clock) {
    this.#tracing = tracing;
    this.#clock = clock;
  }

  /** Tells of a look under way when it has taken long. */
  watch(target: string, a: Promise<Seen>, aaaa: Promise<Seen>, asker: Asker): void {
    const startedAt = this.#clock.now();
    Promise.all([a, aaaa]).then(
      (seen) => this.#looked(target, seen, startedAt, asker),
      () => {},
    );
  }

  #looked(target: string, [a, aaaa]: [Seen, Seen], startedAt: number, asker: Asker): void {
    const endedAt = this.#clock.now();
    if (endedAt - startedAt < SLOW || !this.#mayTell(endedAt)) return;
    this.#tracing.record({
      name: 'look at a target',
      kind: 'client',
      startedAt,
      endedAt,
      change: asker.change ?? newChange(),
      values: { target, a: a.kind, aaaa: aaaa.kind, resolver: a.resolver ?? aaaa.resolver },
    });
  }

  #mayTell(now: number): boolean {
    const second = Math.floor(now / 1_000);
    if (second !== this.#second) this.#told = 0;
    this.#second = second;
    return this.#told++ < MOST_A_SECOND;
  }
}
