import { plainAnswer } from '../zone/alias/steady.ts';
import { LONGEST_TTL } from './chase.ts';
import { AddressQuestion, type Form, type Judged, type Limits } from './question.ts';
import type { Question } from './udp-pool.ts';

/** A question of which is known what to expect: a reply that says just that is known by its octets, and nothing is made of it. */
export class KnownQuestion implements Question<number | Judged> {
  /** The same, for every other reply. */
  readonly whole: AddressQuestion;
  readonly timeoutMs: number;
  readonly #resolver: string;
  readonly #expected: string;

  /** `expected`: as `plainAnswer` has it, of the resolver that is asked. */
  constructor(form: Form, limits: Limits, resolver: string, expected: string) {
    this.whole = new AddressQuestion(form, limits);
    this.timeoutMs = limits.timeoutMs;
    this.#resolver = resolver;
    this.#expected = expected;
  }

  build(id: number): Buffer {
    return this.whole.build(id);
  }

  /** The TTL of what was expected, or else what was said. */
  accept(bytes: Buffer): number | Judged | undefined {
    const plain = this.whole.readPlainly(bytes);
    if (plain && plainAnswer(this.#resolver, plain.addresses, plain.ad) === this.#expected)
      return Math.min(plain.ttl, LONGEST_TTL);
    return this.whole.accept(bytes);
  }
}
