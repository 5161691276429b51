import { remember } from './evidence.ts';
import { isDenied, settle, withdraw } from './family.ts';
import { notAhead } from './not-ahead.ts';
import type { AliasPolicy, Force } from './policy.ts';
import { withoutRefused } from './publishable.ts';
import type { TargetLook } from './seen.ts';
import type { FamilyState, TargetState } from './state.ts';
import { steadyKey } from './steady.ts';

const SHORT = 2_000; // ms

export interface Decision {
  state: TargetState;
  /** True where what an ALIAS publishes changes: the addresses as a set, a TTL that matters, or the first answer that counts. */
  changed: boolean;
  /** For which aliases it does: those with `stable` answers, those with `exact` ones, those that have fallback addresses. */
  changedFor: { stable: boolean; exact: boolean; fallback: boolean };
  /** Of a target that rotates: whether another answer than the one before cost a zone a serial or none. */
  rotated?: 'saved' | 'spent' | undefined;
  /** True where a forced look found it: nothing that damps holds it up. */
  forced?: boolean | undefined;
  /** When it was made and when to look again, in milliseconds since the epoch, by the same clock. */
  at: number;
  dueAt: number;
  /** What the next look has to come to so that it changes nothing (see steady.ts). */
  steady?: string | undefined;
  /** What is worth a line in the log. */
  news: string[];
}

/**
 * What a look changes. Pure; docs/aliases.md has it as a table.
 *
 * - found: publish the set if it differs as a set; order and a cache's countdown are no difference; a rotating target is damped
 * - failed: hold what is published, up to MAX_STALE where that is set; look again with back-off
 * - denied for one family while the other is there: withdraw it when a second, independent answer says so
 * - denied for both: hold for NEGATIVE_HOLD, then withdraw, unless EMPTY_TARGET is `hold`
 */
export function decide(
  known: TargetState,
  look: TargetLook,
  policy: AliasPolicy,
  now: number,
  force?: Force,
): Decision {
  const before = notAhead(known, now);
  const seen = {
    a: look.a && withoutRefused(look.a, policy),
    aaaa: look.aaaa && withoutRefused(look.aaaa, policy),
  };
  let a = settle(before.a, seen.a, policy, now, force);
  let aaaa = settle(before.aaaa, seen.aaaa, policy, now, force);
  const deniedSince = a.denial && aaaa.denial && Math.max(a.denial.since, aaaa.denial.since);
  const outlasted =
    deniedSince !== undefined &&
    isDenied(a) &&
    isDenied(aaaa) &&
    policy.emptyTarget === 'withdraw' &&
    (force === 'everything' || now - deniedSince >= policy.negativeHold);
  if (outlasted) {
    a = withdraw(a, `${a.detail}, for both families`);
    aaaa = withdraw(aaaa, `${aaaa.detail}, for both families`);
  } else if (deniedSince === undefined) {
    a = withdrawIfDenied(a, aaaa, force);
    aaaa = withdrawIfDenied(aaaa, a, force);
  }
  const answered = before.answered || a.last === 'found' || aaaa.last === 'found' || outlasted;
  const isFound = a.last === 'found' || aaaa.last === 'found';
  const good = isFound && isGood(a, seen.a) && isGood(aaaa, seen.aaaa);
  const after: TargetState = {
    a,
    aaaa,
    answered,
    failures: good ? 0 : before.failures + 1,
    deniedSince,
    evidence: remember(before.evidence, seen, now),
  };
  const changedFor = difference(before, after);
  const differs = answerDiffers(before, after);
  const state = { ...after, damped: counted(before, differs) };
  return {
    state,
    rotated: rotates(before) || rotates(after) ? spending(differs) : undefined,
    changed: changedFor.stable || changedFor.exact || changedFor.fallback,
    changedFor,
    forced: force !== undefined,
    at: now,
    dueAt: now + (good ? refreshDelay(state, policy, now) : retryDelay(state, policy, now)),
    steady: steadyKey(state, policy),
    news: news(before, state),
  };
}

/** One denial may be a hiccup of one server: an independent one confirms it. */
function withdrawIfDenied(family: FamilyState, other: FamilyState, force: Force | undefined): FamilyState {
  if (!isDenied(family) || other.last !== 'found') return family;
  return family.denial?.confirmed || force === 'everything' ? withdraw(family, family.detail) : family;
}

/** Whether a family needs no second look soon: it is there, or known not to be, or was not asked. */
function isGood(family: FamilyState, seen: TargetLook['a']): boolean {
  return seen === undefined || family.last === 'found' || (isDenied(family) && family.addresses.length === 0);
}

function difference(before: TargetState, after: TargetState): Decision['changedFor'] {
  const families = [
    [before.a, after.a],
    [before.aaaa, after.aaaa],
  ] as const;
  const first = after.answered && !before.answered;
  const differs = (setOf: (family: FamilyState) => readonly string[]) =>
    after.answered && (first || families.some(([old, now]) => publishedDiffers(old, now, setOf)));
  return {
    stable: differs((family) => family.addresses),
    exact: differs((family) => family.exact ?? family.addresses),
    fallback: families.some(([old, now]) => old.stale !== now.stale),
  };
}

function publishedDiffers(
  before: FamilyState,
  after: FamilyState,
  setOf: (family: FamilyState) => readonly string[],
): boolean {
  const [old, now] = [setOf(before), setOf(after)];
  if (old.length === 0 && now.length === 0) return false;
  return before.ttl !== after.ttl || old.join() !== now.join();
}

interface AnswerDiffers {
  /** The answer is another than the one before, and what a zone with `stable` answers publishes is. */
  another: boolean;
  published: boolean;
}

function answerDiffers(before: TargetState, after: TargetState): AnswerDiffers {
  if (!before.answered) return { another: false, published: false };
  const families = [
    [before.a, after.a],
    [before.aaaa, after.aaaa],
  ] as const;
  const differs = (setOf: (family: FamilyState) => readonly string[]) =>
    families.some(([old, now]) => setOf(old).join() !== setOf(now).join());
  return {
    another: differs((family) => family.exact ?? family.addresses),
    published: differs((family) => family.addresses),
  };
}

/** Counts the answers that differed from the ones before, and those of them that a zone with `stable` answers spent a serial on. */
function counted({ damped }: TargetState, { another, published }: AnswerDiffers): TargetState['damped'] {
  if (!another && !published) return damped;
  const { answers, serials } = damped ?? { answers: 0, serials: 0 };
  // an answer held back may be published by a later look, equal to it
  return {
    answers: Math.max(answers + (another ? 1 : 0), serials + (published ? 1 : 0)),
    serials: serials + (published ? 1 : 0),
  };
}

function rotates({ a, aaaa }: TargetState): boolean {
  return a.rotation?.recognised === true || aaaa.rotation?.recognised === true;
}

function spending({ another, published }: AnswerDiffers): Decision['rotated'] {
  return published ? 'spent' : another ? 'saved' : undefined;
}

function refreshDelay(state: TargetState, policy: AliasPolicy, now: number): number {
  return delayUntilRefresh(
    [state.a, state.aaaa].flatMap((family) => (family.last === 'found' ? [family.expiresAt - now] : [])),
    policy,
  );
}

/** The next look comes when the answers seen have run out: `left`, in milliseconds. */
export function delayUntilRefresh(left: readonly number[], policy: AliasPolicy): number {
  const delay = Math.max(Math.min(...left, policy.refreshMax), policy.refreshMin);
  // A look takes a moment, so a second after it is a moment after the next tick of a schedule of one second.
  return delay <= SHORT ? delay * 0.9 : delay;
}

/** Doubling from RETRY_MIN to RETRY_MAX, and once more when a hold runs out, but never faster than RETRY_MIN. */
function retryDelay(state: TargetState, policy: AliasPolicy, now: number): number {
  const longest = Math.max(policy.retryMax, policy.refreshMin);
  const delay = Math.min(policy.retryMin * 2 ** Math.min(state.failures - 1, 20), longest);
  const ends = [
    ...(state.deniedSince === undefined ? [] : [state.deniedSince + policy.negativeHold]),
    ...(policy.maxStale === 0 ? [] : failing(state).map((family) => family.goodAt + policy.maxStale)),
  ];
  const left = ends.map((end) => end - now).filter((ms) => ms > 0);
  return Math.max(Math.min(delay, ...left), policy.retryMin);
}

function failing({ a, aaaa }: TargetState): FamilyState[] {
  return [a, aaaa].filter((family) => family.last === 'failed');
}

function news(before: TargetState, after: TargetState): string[] {
  const lines: string[] = [];
  for (const [family, old, now] of [
    ['A', before.a, after.a],
    ['AAAA', before.aaaa, after.aaaa],
  ] as const) {
    if (now.withdrawn && !old.withdrawn) lines.push(`${family} is withdrawn: ${now.withdrawn}`);
    if (now.stale && !old.stale)
      lines.push(`${family} had no answer for MAX_STALE: fallback addresses stand in`);
    if (now.rotation?.recognised && !old.rotation?.recognised)
      lines.push(`${family} answers rotate: what is published stays while it keeps appearing`);
    if (now.detail !== old.detail && now.detail.startsWith('left out'))
      lines.push(`${family}: ${now.detail}`);
  }
  return lines;
}
