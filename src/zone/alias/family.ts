import type { AliasPolicy, Force } from './policy.ts';
import { stableSet } from './rotation.ts';
import type { Seen } from './seen.ts';
import type { Denial, FamilyState } from './state.ts';
import { firstTtl, nextTtl } from './ttl.ts';

/** What one family's part of a look makes of what is known of that family, before both are weighed against each other. */
export function settle(
  before: FamilyState,
  seen: Seen | undefined,
  policy: AliasPolicy,
  now: number,
  force: Force | undefined,
): FamilyState {
  if (!seen) return before;
  switch (seen.kind) {
    case 'found':
      return found(before, seen, policy, now, force !== undefined);
    case 'failed':
      return failed(before, seen, policy, now);
    default:
      return denied(before, seen, policy, now);
  }
}

/** Takes what is published of a family away. */
export function withdraw(family: FamilyState, why: string): FamilyState {
  if (family.addresses.length === 0) return family;
  return { ...family, addresses: [], exact: undefined, rotation: undefined, withdrawn: why };
}

/** Whether the last look said that there is none. */
export function isDenied(family: FamilyState): boolean {
  return family.last === 'nodata' || family.last === 'nxdomain';
}

function found(
  before: FamilyState,
  seen: Extract<Seen, { kind: 'found' }>,
  policy: AliasPolicy,
  now: number,
  force: boolean,
): FamilyState {
  const set = seen.addresses;
  const { addresses, rotation } = isSameCachedAnswer(before, seen, now)
    ? before
    : stableSet(before.addresses, set, before.rotation, policy, now, force);
  const changed = !equal(before.addresses, addresses);
  return {
    ...(before.addresses.length === 0 ? firstTtl(seen.ttl) : nextTtl(before, seen.ttl, now, changed)),
    addresses,
    exact: equal(addresses, set) ? undefined : [...set],
    rotation,
    expiresAt: now + seen.ttl * 1000,
    at: now,
    goodAt: now,
    last: 'found',
    detail: seen.leftOut ?? '',
  };
}

/** The same set with a TTL no longer than what was left of the one before: no second word on how the target answers. */
function isSameCachedAnswer(
  before: FamilyState,
  seen: Extract<Seen, { kind: 'found' }>,
  now: number,
): boolean {
  if (before.last !== 'found' || !before.rotation || now >= before.expiresAt) return false;
  const left = (before.expiresAt - now) / 1000;
  return seen.ttl <= left + 0.5 && equal(before.exact ?? before.addresses, seen.addresses);
}

/** Holds what is published, for as long as it takes or up to MAX_STALE. */
function failed(
  before: FamilyState,
  seen: Extract<Seen, { kind: 'failed' }>,
  policy: AliasPolicy,
  now: number,
): FamilyState {
  const goodAt = before.goodAt || now;
  const state: FamilyState = {
    ...before,
    at: now,
    goodAt,
    last: 'failed',
    detail: `${seen.reason}: ${seen.detail}`,
    stale: undefined,
  };
  if (policy.maxStale === 0 || now - goodAt < policy.maxStale) return state;
  if (policy.onStale === 'fallback') return { ...state, stale: true };
  if (policy.onStale === 'withdraw')
    return withdraw(state, `no answer for ${Math.round(policy.maxStale / 1000)} s (MAX_STALE)`);
  return state;
}

function denied(
  before: FamilyState,
  seen: Extract<Seen, { kind: 'nodata' | 'nxdomain' }>,
  policy: AliasPolicy,
  now: number,
): FamilyState {
  return {
    ...before,
    at: now,
    goodAt: now,
    last: seen.kind,
    detail: seen.kind === 'nodata' ? 'no such record' : 'no such name',
    stale: undefined,
    denial: nextDenial(before.denial, seen, policy, now),
  };
}

/**
 * A second denial counts where it is independent of the first: from another resolver, or from the same one at least RETRY_MIN later,
 * and not out of the cache that gave the first.
 */
function nextDenial(
  before: Denial | undefined,
  { resolver = '', ttl }: Extract<Seen, { kind: 'nodata' | 'nxdomain' }>,
  policy: AliasPolicy,
  now: number,
): Denial {
  // nobody waits longer for a cache than for both families
  const keptFor = Math.min((ttl ?? 0) * 1000, policy.negativeHold);
  if (!before) return { since: now, resolver, cachedUntil: now + keptFor, confirmed: false };
  if (before.confirmed) return before;
  const isFresh = now >= before.cachedUntil || now + keptFor > before.cachedUntil + 1000;
  const confirmed = resolver !== before.resolver || (now - before.since >= policy.retryMin && isFresh);
  return confirmed ? { ...before, confirmed } : before;
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((address, index) => address === b[index]);
}
