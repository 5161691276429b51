import { foundFamily } from './found.ts';
import type { AliasPolicy, FamilyState, Seen, TargetState } from './policy.ts';

/** One look at a target: what each family came to; undefined where it was not asked or is not in yet. */
export interface TargetLook {
  a?: Seen | undefined;
  aaaa?: Seen | undefined;
}

const SHORT = 2_000; // ms

export interface Decision {
  state: TargetState;
  /** True where what an ALIAS publishes changes: the addresses as a set, a TTL that matters, or the first answer that counts. */
  changed: boolean;
  /** When to look again, in milliseconds since the epoch. */
  dueAt: number;
}

/**
 * What a look changes. Pure.
 *
 * - found: publish the set if it differs as a set; order and a cache's countdown are no difference
 * - failed: hold what is published, look again with back-off
 * - denied for one family while the other is there: withdraw it when seen twice in a row
 * - denied for both: hold for `negativeHold`, then withdraw
 *
 * `force` takes a denial at its word at once; a failed look never counts as an answer.
 */
export function decide(
  before: TargetState,
  look: TargetLook,
  policy: AliasPolicy,
  now: number,
  force = false,
): Decision {
  let a = settle(before.a, look.a, now);
  let aaaa = settle(before.aaaa, look.aaaa, now);
  const deniedSince = isDenied(a) && isDenied(aaaa) ? (before.deniedSince ?? now) : undefined;
  const outlasted = deniedSince !== undefined && (force || now - deniedSince >= policy.negativeHold);
  if (deniedSince === undefined) {
    a = withdrawIfDenied(a, aaaa, force);
    aaaa = withdrawIfDenied(aaaa, a, force);
  } else if (outlasted) {
    a = { ...a, addresses: [] };
    aaaa = { ...aaaa, addresses: [] };
  }
  const answered = before.answered || a.last === 'found' || aaaa.last === 'found' || outlasted;
  const good = isGood(a, look.a) && isGood(aaaa, look.aaaa) && (a.last === 'found' || aaaa.last === 'found');
  const state: TargetState = { a, aaaa, answered, failures: good ? 0 : before.failures + 1, deniedSince };
  return {
    state,
    changed:
      answered && (!before.answered || publishedDiffers(before.a, a) || publishedDiffers(before.aaaa, aaaa)),
    dueAt: now + (good ? refreshDelay(state, policy, now) : retryDelay(state, policy, now)),
  };
}

function settle(before: FamilyState, seen: Seen | undefined, now: number): FamilyState {
  if (!seen) return before;
  if (seen.kind === 'found') return foundFamily(before, seen.addresses, seen.ttl, now);
  if (seen.kind === 'failed')
    return { ...before, at: now, last: 'failed', detail: `${seen.reason}: ${seen.detail}` };
  return {
    ...before,
    at: now,
    last: seen.kind,
    negatives: before.negatives + 1,
    detail: seen.kind === 'nodata' ? 'no such record' : 'no such name',
  };
}

function isDenied(family: FamilyState): boolean {
  return family.last === 'nodata' || family.last === 'nxdomain';
}

/** One denial may be a hiccup of one server; the second look confirms it. */
function withdrawIfDenied(family: FamilyState, other: FamilyState, force: boolean): FamilyState {
  if (!isDenied(family) || family.addresses.length === 0 || other.last !== 'found') return family;
  return family.negatives >= 2 || force ? { ...family, addresses: [] } : family;
}

/** Whether a family needs no second look soon: it is there, or known not to be, or was not asked. */
function isGood(family: FamilyState, seen: Seen | undefined): boolean {
  return seen === undefined || family.last === 'found' || (isDenied(family) && family.addresses.length === 0);
}

function publishedDiffers(before: FamilyState, after: FamilyState): boolean {
  if (before.addresses.length === 0 && after.addresses.length === 0) return false;
  return before.ttl !== after.ttl || before.addresses.join() !== after.addresses.join();
}

/** The next look comes when the answer seen has run out. */
function refreshDelay(state: TargetState, policy: AliasPolicy, now: number): number {
  const left = [state.a, state.aaaa].flatMap((family) =>
    family.last === 'found' ? [family.expiresAt - now] : [],
  );
  const delay = Math.max(Math.min(...left, policy.refreshMax), policy.refreshMin);
  // A look takes a moment, so a second after it is a moment after the next tick of a schedule of one second.
  return delay <= SHORT ? delay * 0.9 : delay;
}

/** Doubling from `retryMin` to `retryMax`, and once more when a hold runs out. */
function retryDelay(state: TargetState, policy: AliasPolicy, now: number): number {
  const longest = Math.max(policy.retryMax, policy.refreshMin);
  const delay = Math.min(policy.retryMin * 2 ** Math.min(state.failures - 1, 20), longest);
  const left = state.deniedSince === undefined ? 0 : state.deniedSince + policy.negativeHold - now;
  return left > 0 ? Math.min(delay, left) : delay;
}
