import type { Decision } from './alias/decide.ts';
import { notAhead } from './alias/not-ahead.ts';
import type { AliasPolicy } from './alias/policy.ts';
import type { TargetLook } from './alias/seen.ts';
import { answerOf, type FamilyState, type TargetState } from './alias/state.ts';
import type { TargetAnswer } from './record.ts';

/** Guards before a commit, in octoDNS's manner: what would change too much at once is held, with numbers, until a person says so. */
export type Guard = 'empty' | 'change' | 'apex';

/** Below so many aliases a share says nothing. */
export const LEAST_CONCERNED = 20;

/** What guards go by. Shares in percent of all aliases; 100 never holds. */
export interface GuardPolicy {
  /** The share that may lose all addresses in one run. */
  empty: number;
  /** The share that may change at once while resolvers disagree; with one resolver no disagreement can be seen. */
  change: number;
  /** Whether the aliases of zones' own names keep their addresses until `--force`. */
  apex: boolean;
  /** Milliseconds that belong to one incident: losses, and changes, that lie so near count together. */
  emptyWindow: number;
  changeWindow: number;
  /** Milliseconds until what is held is looked at again, at most. */
  again: number;
  /** Whether MAX_STALE ends in a loss. */
  staleLoses: boolean;
  /** Whether a target with this state is on the way to lose its addresses. */
  losing(state: TargetState): boolean;
}

/**
 * The windows. Every target is looked at once within REFRESH_MAX, and withdrawn NEGATIVE_HOLD after it was denied, late by one retry
 * at most: so all losses of one incident lie within that of one another, however they trickle in. A change at once is what comes within
 * a minute, or two rounds of the busiest targets: over an hour all addresses of a CDN may change in good order.
 */
export function guardPolicy(
  shares: Pick<GuardPolicy, 'empty' | 'change' | 'apex'>,
  policy: AliasPolicy,
): GuardPolicy {
  const longestRetry = Math.max(policy.retryMax, policy.refreshMin);
  return {
    ...shares,
    emptyWindow: policy.refreshMax + longestRetry,
    changeWindow: Math.max(60_000, 2 * policy.refreshMin),
    again: longestRetry,
    staleLoses: policy.maxStale > 0 && policy.onStale === 'withdraw',
    losing: (state) => isLosing(state, policy),
  };
}

function isLosing(state: TargetState, policy: AliasPolicy): boolean {
  if (!hasAddresses(answerOf(state))) return false;
  if (state.deniedSince !== undefined) return policy.emptyTarget === 'withdraw';
  const failing = state.a.last !== 'found' && state.aaaa.last !== 'found';
  return failing && policy.maxStale > 0 && policy.onStale === 'withdraw';
}

/** What a decision does to those who follow the target, as guards see it. */
export type Move = 'empties' | 'changes' | 'losing' | 'nothing';

export function moveOf(before: TargetState, decision: Decision, guards: GuardPolicy): Move {
  const [old, now] = [answerOf(before), answerOf(decision.state)];
  if (now.answered && !hasAddresses(now) && (!old.answered || hasAddresses(old))) return 'empties';
  if (decision.changedFor.stable && hasAddresses(old) && setsDiffer(old, now)) return 'changes';
  return guards.losing(decision.state) ? 'losing' : 'nothing';
}

/** Whether there is anything to publish. */
export function hasAddresses(answer: TargetAnswer): boolean {
  return answer.a.addresses.length + answer.aaaa.addresses.length > 0;
}

function setsDiffer(old: TargetAnswer, now: TargetAnswer): boolean {
  return (
    old.a.addresses.join() !== now.a.addresses.join() ||
    old.aaaa.addresses.join() !== now.aaaa.addresses.join()
  );
}

/** The decision where a guard holds it: what was published stays, and what was seen is remembered. */
export function heldBack(known: TargetState, decision: Decision, dueAt: number): Decision {
  const { state } = decision;
  const before = notAhead(known, decision.at);
  return {
    ...decision,
    state: {
      ...before,
      a: familyHeld(before.a, state.a),
      aaaa: familyHeld(before.aaaa, state.aaaa),
      failures: state.failures,
      deniedSince: state.deniedSince,
      evidence: state.evidence,
    },
    changed: false,
    changedFor: { stable: false, exact: false, fallback: false },
    dueAt: Math.min(decision.dueAt, dueAt),
    news: [],
  };
}

function familyHeld(before: FamilyState, after: FamilyState): FamilyState {
  const { at, last, detail, denial, expiresAt } = after;
  return { ...before, at, last, detail, denial, expiresAt };
}

/** What sets an ALIAS apart from its target: what a forced look found, or the last addresses, kept by the guard. */
export interface Override {
  kind: 'forced' | 'apex';
  answer: TargetAnswer;
}

/**
 * Whether a decision ends it: addresses kept at an apex, when the target has addresses again; a forced answer, when the target's own moves
 * on, or has the family again that was forced away.
 */
export function endsOverride({ kind, answer }: Override, { changed, state }: Decision): boolean {
  const isFilled = hasAddresses(answerOf(state));
  if (kind === 'apex') return isFilled;
  const isBack = (['a', 'aaaa'] as const).some(
    (family) => state[family].last === 'found' && answer[family].addresses.length === 0,
  );
  return isBack || (changed && (isFilled || hasAddresses(answer)));
}

/** Another resolver's answers, for the families that would change. */
export type SecondOpinion = TargetLook;

/**
 * Whether another resolver speaks against a change: it sees no address of the new set, but some of the old one, or none at all. Where its
 * answer shares nothing with either, the resolvers never saw the same, as those of a CDN that answers by place: that says nothing of the
 * change. Sets that overlap are rotation. A failed look is no opinion.
 */
export function isDisputed(before: TargetState, after: TargetState, opinion: SecondOpinion): boolean {
  return (['a', 'aaaa'] as const).some((family) => {
    const seen = opinion[family];
    const [old, now] = [before[family].addresses, after[family].addresses];
    if (seen === undefined || seen.kind === 'failed' || old.join() === now.join()) return false;
    const second = seen.kind === 'found' ? seen.addresses : [];
    if (now.length === 0) return second.length > 0;
    return !shares(second, now) && (second.length === 0 || shares(second, old));
  });
}

function shares(a: readonly string[], b: readonly string[]): boolean {
  return a.some((address) => b.includes(address));
}

/** Whether so many of all aliases are more than a share of them, in percent. */
export function isTooMany(concerned: number, total: number, percent: number): boolean {
  return concerned >= LEAST_CONCERNED && concerned * 100 > percent * total;
}

/** How many aliases there must be for so many not to be too many; infinite: no number is enough. */
export function enoughFor(concerned: number, percent: number): number {
  return percent > 0 ? Math.ceil((concerned * 100) / percent) : Number.POSITIVE_INFINITY;
}

/** The numbers of a guard that holds. */
export interface GuardNumbers {
  guard: 'empty' | 'change';
  concerned: number;
  total: number;
  /** Percent. */
  limit: number;
}

/** `guard empty: 312 of 1,000 aliases (31 %) would lose all addresses, limit 20 %: …` */
export function guardSentence({ guard, concerned, total, limit }: GuardNumbers, zone = 'ZONE'): string {
  const what =
    guard === 'empty'
      ? 'would lose all addresses'
      : 'would change at once while another resolver says otherwise';
  return `guard ${guard}: ${grouped(concerned)} of ${grouped(total)} aliases (${Math.floor((concerned * 100) / Math.max(total, 1))} %) ${what}, limit ${limit} %: ${forcedBy(zone)}`;
}

/** Of so many aliases at zones' own names that keep their addresses. */
export function apexSentence(aliases: number): string {
  return `guard apex: ${grouped(aliases)} ${aliases === 1 ? "alias at a zone's own name keeps its" : "aliases at zones' own names keep their"} last addresses, as the target has none any more: ${forcedBy('ZONE')}`;
}

/** Why an ALIAS at this zone's own name keeps its addresses. */
export function apexReason(zone: string): string {
  return `guard apex: the target has no addresses any more, and ${zone} keeps its last ones: ${forcedBy(zone)}`;
}

function forcedBy(zone: string): string {
  return `\`zoneferry resync ${zone} --force\` publishes it`;
}

function grouped(count: number): string {
  return count.toLocaleString('en-US');
}
