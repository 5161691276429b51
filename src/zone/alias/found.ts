import type { FamilyState } from './policy.ts';

/**
 * A family that was found: its addresses as a set, and the target's own TTL as best known.
 *
 * A recursive cache counts down, so a TTL seen is a lower bound of the original one. An upper bound there is too, once the answer
 * seen before has run out: what is in the cache now can't be older than that moment. A first TTL may be a cut from the middle of a
 * countdown, so the first longer one is taken at once; after that a TTL alone changes only when it is proved to be more than a factor
 * of two away, twice in a row.
 */
export function foundFamily(
  before: FamilyState,
  addresses: readonly string[],
  ttl: number,
  now: number,
): FamilyState {
  const set = [...new Set(addresses)].sort();
  const seen = {
    at: now,
    last: 'found',
    negatives: 0,
    detail: '',
    expiresAt: now + ttl * 1000,
    addresses: set,
  } as const;
  if (before.addresses.length === 0) return { ...seen, ttl, settled: false, offs: 0, offHighest: 0 };
  const highest =
    before.expiresAt > 0 && now >= before.expiresAt
      ? ttl + (now - before.expiresAt) / 1000
      : Number.POSITIVE_INFINITY;
  const changed = before.addresses.join() !== set.join();
  return { ...seen, ...knownTtl(before, ttl, highest, changed) };
}

type Ttl = Pick<FamilyState, 'ttl' | 'settled' | 'offs' | 'offHighest'>;

/** `lowest` is the TTL seen, `highest` what the original one can be at most, both in seconds. */
function knownTtl(before: FamilyState, lowest: number, highest: number, changed: boolean): Ttl {
  const kept: Ttl = { ttl: before.ttl, settled: before.settled, offs: 0, offHighest: 0 };
  const longer = lowest > before.ttl * 1.1;
  if (longer && !before.settled) return { ...kept, ttl: lowest, settled: true };
  // a new set is a new version anyhow: a TTL that is proved by it costs nothing
  if (changed && (longer || highest * 1.1 < before.ttl)) return { ...kept, ttl: lowest };
  if (lowest <= before.ttl * 2 && highest * 2 >= before.ttl) return kept;
  const offHighest = Math.max(before.offHighest, lowest);
  return before.offs === 0 ? { ...kept, offs: 1, offHighest } : { ...kept, ttl: offHighest, settled: true };
}
