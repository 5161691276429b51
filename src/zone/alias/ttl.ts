import type { FamilyState } from './state.ts';

export type KnownTtl = Pick<
  FamilyState,
  'ttl' | 'settled' | 'offs' | 'offLowest' | 'offHighest' | 'lowered' | 'refuted'
>;

/** Proofs in a row that change a TTL by themselves; and that lower one whose lowering was refuted before. */
const PROOFS = 2;
const PROOFS_AFTER_REFUTATION = 10;
/** Near-equal is equal. */
const NEAR = 1.1;

/** A first answer's TTL, which may be a cut from the middle of a cache's countdown. */
export function firstTtl(ttl: number): KnownTtl {
  return { ttl, settled: false, offs: 0, offLowest: 0, offHighest: 0 };
}

/**
 * The target's own TTL as best known, in seconds.
 *
 * A recursive cache counts down, so a TTL seen is a lower bound of the original one. An upper bound there is too, once the answer
 * seen before has run out: what is in the cache now can't be older than that moment. A first TTL may be a cut from the middle of a
 * countdown, so the first longer one is taken at once; after that a TTL alone changes only when it is proved to be more than a factor
 * of two away, twice in a row, by proofs that agree. Several caches behind one resolver give false proofs: once a lower TTL was
 * refuted by a higher one, lowering takes many more.
 *
 * @param changed whether the set changes as well: that is a new version anyhow, so a TTL proved by it costs nothing
 */
export function nextTtl(before: FamilyState, seen: number, now: number, changed: boolean): KnownTtl {
  const hasRunOut = before.expiresAt > 0 && now >= before.expiresAt;
  const highest = hasRunOut ? seen + (now - before.expiresAt) / 1000 : Number.POSITIVE_INFINITY;
  const { ttl, settled, lowered, refuted } = before;
  const kept: KnownTtl = { ttl, settled, offs: 0, offLowest: 0, offHighest: 0, lowered, refuted };
  const isLonger = seen > ttl * NEAR;
  if (isLonger && (changed || !settled)) return { ...kept, ttl: seen, settled: settled || !changed };
  if (changed && !refuted && highest * NEAR < ttl) return { ...kept, ttl: seen };
  if (seen <= ttl * 2 && highest * 2 >= ttl) return kept;

  const isLower = highest * 2 < ttl;
  const agrees =
    before.offs > 0 &&
    Math.max(before.offLowest, seen) <= Math.min(before.offHighest, highest) * NEAR &&
    isLower === before.offLowest < ttl;
  const offs = agrees ? before.offs + 1 : 1;
  const offLowest = agrees ? Math.max(before.offLowest, seen) : seen;
  if (offs < (isLower && refuted ? PROOFS_AFTER_REFUTATION : PROOFS)) {
    // JSON has no infinity
    const offHighest = Math.min(agrees ? before.offHighest : Number.MAX_SAFE_INTEGER, highest);
    return { ...kept, offs, offLowest, offHighest };
  }
  return isLower
    ? { ...kept, ttl: offLowest, settled: true, lowered: true }
    : { ...kept, ttl: offLowest, settled: true, lowered: undefined, refuted: refuted || lowered };
}
