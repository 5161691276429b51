import type { LooksUp } from '../resolve/outcome.ts';
import type { AliasPolicy } from '../zone/alias/policy.ts';
import { expectation } from '../zone/alias/steady.ts';
import { Confirming, type LookedFor, type SteadyTarget } from './confirming.ts';
import type { Turns } from './turns.ts';

const FAMILIES = ['A', 'AAAA'] as const;

/** Looks at targets that are at rest, each in its turn: what is answered, and waits to be written, takes none. */
export class Confirmer {
  readonly #resolver: LooksUp;
  readonly #policy: AliasPolicy;
  readonly #turns: Turns;
  readonly #signal: AbortSignal;
  readonly #running = new Set<Confirming>();

  /** The looks under way end when `signal` is aborted, and no others begin. */
  constructor(rooms: { resolver: LooksUp; policy: AliasPolicy; turns: Turns; signal: AbortSignal }) {
    this.#resolver = rooms.resolver;
    this.#policy = rooms.policy;
    this.#turns = rooms.turns;
    this.#signal = rooms.signal;
    this.#signal.addEventListener('abort', () => {
      for (const confirming of [...this.#running]) confirming.stop();
    });
  }

  look(target: SteadyTarget, lookedFor: LookedFor): void {
    this.#turns.take(() => {
      const signal = this.#signal;
      const expected = expectation(target.steady, this.#policy);
      const confirming = new Confirming(target, expected, this.#policy, lookedFor, () => {
        this.#running.delete(confirming);
        this.#turns.end();
      });
      this.#running.add(confirming);
      // in a moment: thousands may wait for their turn
      if (signal.aborted) queueMicrotask(() => confirming.stop());
      else if (expected && this.#resolver.confirm) this.#resolver.confirm(confirming, { signal });
      else
        for (const family of FAMILIES)
          confirming.unlike(family, this.#resolver.look(target.name, family, { signal }));
    });
  }
}
