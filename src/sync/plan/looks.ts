import type { Clock } from '../../clock.ts';
import type { LooksUp } from '../../resolve/outcome.ts';
import type { Pool } from '../../store/pool.ts';
import { targetsOf } from '../../store/targets.ts';
import { type Decision, decide } from '../../zone/alias/decide.ts';
import type { AliasPolicy } from '../../zone/alias/policy.ts';
import type { TargetLook } from '../../zone/alias/seen.ts';
import { answerOf, type TargetState } from '../../zone/alias/state.ts';
import { type GuardPolicy, hasAddresses } from '../../zone/guard.ts';
import { seenOf } from '../seen.ts';

/** What a plan is made with. */
export interface PlanRooms {
  pool: Pool;
  resolver: LooksUp;
  policy: AliasPolicy;
  guards: GuardPolicy;
  clock: Clock;
}

/** A target that would move something, or may lose its addresses soon. */
export interface Planned {
  name: string;
  before: TargetState;
  decision: Decision;
  look: TargetLook;
}

export interface LookedAt {
  targets: number;
  resolved: number;
  failed: number;
  held: number;
  moved: Map<string, Planned>;
  holds: { target: string; why: string }[];
}

const PAGE = 1_000;
const HOLDS_KEPT = 100;

/**
 * Looks at the targets of these zones, or of all, a page at a time, and keeps those that would move something: those that changed, those
 * on the way to lose their addresses, and those of `apart`, of which some aliases publish something else.
 */
export async function lookAtAll(
  { zoneIds, force }: { zoneIds: readonly string[] | undefined; force: boolean },
  { pool, resolver, policy, guards, clock }: PlanRooms,
  apart: ReadonlySet<string>,
): Promise<LookedAt> {
  const forced = force ? (zoneIds ? 'everything' : 'damping') : undefined;
  const result: LookedAt = { targets: 0, resolved: 0, failed: 0, held: 0, moved: new Map(), holds: [] };
  for (let after = ''; ; ) {
    const targets = await targetsOf(pool, zoneIds, after, PAGE);
    await Promise.all(
      targets.map(async ({ name, state: before }) => {
        const [a, aaaa] = await Promise.all([resolver.look(name, 'A'), resolver.look(name, 'AAAA')]);
        const look = { a: seenOf(a), aaaa: seenOf(aaaa) };
        const decision = decide(before, look, policy, clock.now(), forced);
        if (decision.changed || guards.losing(decision.state) || apart.has(name))
          result.moved.set(name, { name, before, decision, look });
        result[outcomeOf(decision.state)]++;
        result.targets++;
        if (decision.state.failures > 0 && result.holds.length < HOLDS_KEPT)
          result.holds.push({ target: name, why: whyHeld(decision.state, policy) });
      }),
    );
    if (targets.length < PAGE) return result;
    after = targets.at(-1)?.name ?? '';
  }
}

function outcomeOf(state: TargetState): 'resolved' | 'held' | 'failed' {
  if (state.failures === 0) return 'resolved';
  return hasAddresses(answerOf(state)) ? 'held' : 'failed';
}

function whyHeld(state: TargetState, policy: AliasPolicy): string {
  const { a, aaaa, deniedSince } = state;
  const details =
    a.detail === aaaa.detail ? a.detail : `A ${a.detail || 'found'}, AAAA ${aaaa.detail || 'found'}`;
  if (!hasAddresses(answerOf(state))) return `${details}: it has no addresses`;
  if (deniedSince === undefined || policy.emptyTarget === 'hold')
    return `${details}: what is published stays`;
  return `${details}: what is published stays until ${new Date(deniedSince + policy.negativeHold).toISOString()}`;
}
