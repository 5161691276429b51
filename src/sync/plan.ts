import type { Clock } from '../clock.ts';
import type { Resolver } from '../resolve/resolver.ts';
import { type WouldChange, wouldChange } from '../store/dry-run.ts';
import type { Pool } from '../store/pool.ts';
import { targetsOf } from '../store/targets.ts';
import { decide } from '../zone/alias/decide.ts';
import type { AliasPolicy } from '../zone/alias/policy.ts';
import type { TargetState } from '../zone/alias/state.ts';
import { seenOf } from './seen.ts';

const PAGE = 1_000;

/** A record as people write it. */
export interface PlainRecord {
  name: string;
  ttl: number;
  type: string;
  content: string;
}

/** What a resync would do now. */
export interface ResyncPlan {
  targets: number;
  resolved: number;
  failed: number;
  held: number;
  changedRecords: number;
  changedZones: number;
  zones: { zone: string; deleted: PlainRecord[]; added: PlainRecord[] }[];
  ms: number;
}

/**
 * Looks at the targets of these zones, or of all, and says what a resync would change. Nothing is written, no job added.
 *
 * @param force passes by what holds good answers back, for the zones named; without zones, damping alone
 */
export async function planResync(
  zoneIds: readonly string[] | undefined,
  force: boolean,
  rooms: { pool: Pool; resolver: Pick<Resolver, 'look'>; policy: AliasPolicy; clock: Clock },
): Promise<ResyncPlan> {
  const { pool, resolver, policy, clock } = rooms;
  const forced = force ? (zoneIds ? 'everything' : 'damping') : undefined;
  const started = performance.now();
  const counts = { targets: 0, resolved: 0, failed: 0, held: 0 };
  const zones = new Map<string, ResyncPlan['zones'][number]>();
  for (let after = ''; ; ) {
    const targets = await targetsOf(pool, zoneIds, after, PAGE);
    const states = new Map<string, TargetState>();
    await Promise.all(
      targets.map(async ({ name, state }) => {
        const [a, aaaa] = await Promise.all([resolver.look(name, 'A'), resolver.look(name, 'AAAA')]);
        const look = { a: seenOf(a), aaaa: seenOf(aaaa) };
        const decision = decide(state, look, policy, clock.now(), forced);
        states.set(name, decision.state);
        counts[outcomeOf(decision.state)]++;
        counts.targets++;
      }),
    );
    for (const change of await wouldChange(pool, zoneIds, states)) addTo(zones, change);
    if (targets.length < PAGE) break;
    after = targets.at(-1)?.name ?? '';
  }
  const changed = [...zones.values()];
  return {
    ...counts,
    changedRecords: changed.reduce((sum, zone) => sum + zone.deleted.length + zone.added.length, 0),
    changedZones: changed.length,
    zones: changed,
    ms: Math.round(performance.now() - started),
  };
}

function addTo(zones: Map<string, ResyncPlan['zones'][number]>, change: WouldChange): void {
  const known = zones.get(change.zone) ?? { zone: change.zone, deleted: [], added: [] };
  zones.set(change.zone, known);
  known.deleted.push(...change.deleted.map(plain));
  known.added.push(...change.added.map(plain));
}

function plain({ name, ttl, type, content }: PlainRecord): PlainRecord {
  return { name, ttl, type, content };
}

function outcomeOf(state: TargetState): 'resolved' | 'held' | 'failed' {
  if (state.failures === 0) return 'resolved';
  return state.a.addresses.length + state.aaaa.addresses.length > 0 ? 'held' : 'failed';
}
