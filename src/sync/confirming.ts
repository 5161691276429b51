import type { Confirmation, Family, Look } from '../resolve/outcome.ts';
import type { KnownTarget } from '../store/targets.ts';
import { delayUntilRefresh } from '../zone/alias/decide.ts';
import type { AliasPolicy } from '../zone/alias/policy.ts';
import type { Seen } from '../zone/alias/seen.ts';
import { type Expectation, type ExpectedAnswer, isSteady, seenAsExpected } from '../zone/alias/steady.ts';
import { LATE_BY } from './late.ts';
import { seenOf } from './seen.ts';

/** A target that is at rest, with what its looks come to then. */
export type SteadyTarget = KnownTarget & { steady: string };

/** Whom a look is for that most likely finds what is known. One of these is called, once. */
export interface LookedFor {
  /** It found just that; its answers run out after `delay` milliseconds. It is to be written. */
  steady(target: SteadyTarget, delay: number): void;
  /** It found anything else, which is to be decided on; one family may still be on its way. */
  other(target: SteadyTarget, a: Promise<Seen>, aaaa: Promise<Seen>): void;
  /** Nobody looks any more. */
  stopped(target: SteadyTarget): void;
}

/** One look at a target that is at rest, as its two answers come in. */
export class Confirming implements Confirmation {
  readonly a: string | undefined;
  readonly aaaa: string | undefined;
  readonly #target: SteadyTarget;
  readonly #expected: Expectation | undefined;
  readonly #policy: AliasPolicy;
  readonly #for: LookedFor;
  #answered: () => void;
  /** What came: the TTL of what was expected, or what else. */
  #gotA: number | Seen | undefined;
  #gotAaaa: number | Seen | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Gives the family that is late to whoever decides on the other. */
  #late: PromiseWithResolvers<Seen> | undefined;
  #isOver = false;

  /** `expected`: undefined where nothing is; `answered` is called once, when both answers are in or nobody waits for them. */
  constructor(
    target: SteadyTarget,
    expected: Expectation | undefined,
    policy: AliasPolicy,
    lookedFor: LookedFor,
    answered: () => void,
  ) {
    this.#target = target;
    this.#expected = expected;
    this.a = expected?.a.text;
    this.aaaa = expected?.aaaa.text;
    this.#policy = policy;
    this.#for = lookedFor;
    this.#answered = answered;
  }

  get target(): string {
    return this.#target.name;
  }

  confirmed(family: Family, ttl: number): void {
    const expected = this.#expectedOf(family);
    if (!expected) throw new RangeError(`nothing was expected of ${this.target}`);
    const isWithin = ttl >= expected.lowestTtl && ttl <= expected.highestTtl;
    this.#put(family, isWithin ? ttl : seenAsExpected(expected, ttl));
  }

  unlike(family: Family, look: Promise<Look>): void {
    look.then(
      (found) => this.#put(family, seenOf(found)),
      (error) => this.#put(family, { kind: 'failed', reason: 'not asked', detail: String(error) }),
    );
  }

  /** Ends it, whatever comes. */
  stop(): void {
    this.#answered();
    this.#answered = () => {};
    this.#late?.reject(new Error('the service stops'));
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#for.stopped(this.#target);
  }

  #put(family: Family, got: number | Seen): void {
    if (family === 'A') this.#gotA = got;
    else this.#gotAaaa = got;
    const isWhole = this.#gotA !== undefined && this.#gotAaaa !== undefined;
    if (isWhole) this.#answered();
    if (this.#late) this.#late.resolve(this.#seen(family, got));
    else if (this.#isOver) return;
    else if (isWhole) this.#conclude(this.#gotA!, this.#gotAaaa!);
    // what is as expected changes nothing, and has the time to wait
    else if (typeof got === 'object') this.#timer = setTimeout(() => this.#handOver(), LATE_BY);
  }

  #conclude(a: number | Seen, aaaa: number | Seen): void {
    clearTimeout(this.#timer);
    this.#isOver = true;
    if (typeof a === 'number' && typeof aaaa === 'number') {
      this.#for.steady(this.#target, delayUntilRefresh([Math.min(a, aaaa) * 1000], this.#policy));
      return;
    }
    const look = { a: this.#seen('A', a), aaaa: this.#seen('AAAA', aaaa) };
    if (!isSteady(this.#target.steady, look, this.#policy)) {
      this.#for.other(this.#target, Promise.resolve(look.a), Promise.resolve(look.aaaa));
      return;
    }
    const left = [look.a, look.aaaa].flatMap((seen) => (seen.kind === 'found' ? [seen.ttl * 1000] : []));
    this.#for.steady(this.#target, delayUntilRefresh(left, this.#policy));
  }

  /** The other family is late, and does not hold this one back. */
  #handOver(): void {
    this.#isOver = true;
    this.#late = Promise.withResolvers<Seen>();
    const late = this.#late.promise;
    const [a, aaaa] = [this.#gotA, this.#gotAaaa];
    this.#for.other(
      this.#target,
      a === undefined ? late : Promise.resolve(this.#seen('A', a)),
      aaaa === undefined ? late : Promise.resolve(this.#seen('AAAA', aaaa)),
    );
  }

  #seen(family: Family, got: number | Seen): Seen {
    if (typeof got === 'object') return got;
    const expected = this.#expectedOf(family);
    if (!expected) throw new RangeError(`nothing was expected of ${this.target}`);
    return seenAsExpected(expected, got);
  }

  #expectedOf(family: Family): ExpectedAnswer | undefined {
    return family === 'A' ? this.#expected?.a : this.#expected?.aaaa;
  }
}
