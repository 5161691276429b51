import { type Decision, decide } from '../../../src/zone/alias/decide.ts';
import { type AliasPolicy, aliasPolicy, type Force } from '../../../src/zone/alias/policy.ts';
import type { Seen, TargetLook } from '../../../src/zone/alias/seen.ts';
import { type TargetState, unknownTarget } from '../../../src/zone/alias/state.ts';

export const START = Date.UTC(2026, 0, 1);
export const ONE = '192.0.2.1';
export const TWO = '192.0.2.2';
export const SIX = '2001:db8::1';

export const found = (addresses: string[] | string, ttl = 300): Seen => ({
  kind: 'found',
  addresses: [addresses].flat(),
  ttl,
});
export const nodata: Seen = { kind: 'nodata' };
export const nxdomain: Seen = { kind: 'nxdomain' };
export const failed: Seen = { kind: 'failed', reason: 'servfail', detail: 'as told' };

/** A look, and the second at which it ends. */
export type Played = [second: number, look: TargetLook, force?: Force];

export interface Outcome {
  state: TargetState;
  /** Looks that changed what aliases with `stable` and with `exact` answers publish. */
  stable: number;
  exact: number;
  /** The second at which to look again. */
  dueAt: number;
  news: string[];
  last: Decision;
}

/** Plays looks from nothing known, or from `from`. */
export function play(
  looks: Iterable<Played>,
  changes: Partial<AliasPolicy> = {},
  from: TargetState = unknownTarget(),
): Outcome {
  const policy = aliasPolicy(changes);
  const outcome = { state: from, stable: 0, exact: 0, dueAt: 0, news: [] as string[] } as Outcome;
  for (const [second, look, force] of looks) {
    // what is known goes through the database between two looks
    const before = JSON.parse(JSON.stringify(outcome.state)) as TargetState;
    const decision = decide(before, look, policy, START + second * 1000, force);
    outcome.state = decision.state;
    outcome.last = decision;
    outcome.dueAt = (decision.dueAt - START) / 1000;
    outcome.news.push(...decision.news);
    if (decision.changedFor.stable) outcome.stable++;
    if (decision.changedFor.exact) outcome.exact++;
  }
  return outcome;
}

/** A look every `every` seconds from `from` on, each with these A addresses and no AAAA. */
export function looksOf(sets: readonly (readonly string[])[], every = 30, from = 0): Played[] {
  return sets.map(
    (set, index): Played => [from + index * every, { a: found([...set], every), aaaa: nodata }],
  );
}

/** Numbers from 0 to below 1, the same for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Answers with `size` addresses of a pool of `pool`, by chance. */
export function subsets(
  size: number,
  pool: number,
  looks: number,
  seed = 1,
  net = '198.51.100.',
): string[][] {
  const random = randomOf(seed);
  const all = Array.from({ length: pool }, (_, index) =>
    pool > 250 ? `10.${index >> 8}.${index & 255}.1` : `${net}${index + 1}`,
  );
  return Array.from({ length: looks }, () => {
    const left = [...all];
    return Array.from({ length: size }, () => left.splice(Math.floor(random() * left.length), 1)[0] ?? '');
  });
}
