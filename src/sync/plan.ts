import { type Blast, blastOf, type WouldChange, wouldChange } from '../store/dry-run.ts';
import { readZoneOverrides } from '../store/guards/overrides.ts';
import { countFollowed } from '../store/in-zone/recheck.ts';
import { aliasCause, causeText } from '../zone/cause.ts';
import { apexSentence, guardSentence } from '../zone/guard.ts';
import { OwnFirst } from './own-first.ts';
import { OwnZones } from './own-zones.ts';
import { type GuardsPlanned, planGuards } from './plan/guards.ts';
import { lookAtAll, type Planned, type PlanRooms } from './plan/looks.ts';

/** A record as people write it. */
export interface PlainRecord {
  name: string;
  ttl: number;
  type: string;
  content: string;
}

/** What a resync would do to a zone. */
export interface ZonePlan {
  zone: string;
  deleted: PlainRecord[];
  added: PlainRecord[];
  /** One line for each target that moves it. */
  why: string[];
  /** Octets of the IXFR that brings it. */
  ixfrBytes: number;
}

/** What a resync would do now. */
export interface ResyncPlan {
  targets: number;
  resolved: number;
  failed: number;
  held: number;
  changedRecords: number;
  changedZones: number;
  zones: ZonePlan[];
  /** Zones that would change, too, and are not listed. */
  more: number;
  /** Guards that would hold. */
  guards: { guard: string; message: string; targets: number; aliases: number }[];
  /** Targets whose last answer is not published, or that gave none, and why; some of them. */
  holds: { target: string; why: string }[];
  /** What it would set in motion. */
  blast: Blast & { zones: number };
  ms: number;
}

export interface PlanOptions {
  /** Undefined: all zones. */
  zoneIds: readonly string[] | undefined;
  /** Passes by what holds good answers back, for the zones named; without zones, damping alone. */
  force: boolean;
  /** Zones listed with their records, at most. */
  listed?: number;
}

const HOLDS_LISTED = 100;
const REASONS = 5; // of one zone

/** Looks at the targets of these zones, or of all, and says what a resync would change. Nothing is written, no job added. */
export async function planResync(options: PlanOptions, rooms: PlanRooms): Promise<ResyncPlan> {
  const { zoneIds, listed = Number.POSITIVE_INFINITY } = options;
  const started = performance.now();
  const overrides = await readZoneOverrides(rooms.pool, zoneIds);
  const ownZones = new OwnZones(rooms.pool);
  await ownZones.read();
  const own = await countFollowed(rooms.pool, zoneIds);
  const looked = await lookAtAll(
    options,
    { ...rooms, resolver: new OwnFirst(rooms.resolver, ownZones, rooms.pool, false) },
    new Set([...overrides.values()].map(({ target }) => target)),
  );
  const guards = await planGuards(looked.moved, options.force && zoneIds !== undefined, overrides, rooms);

  const zones: ZonePlan[] = [];
  const sizes: Pick<WouldChange, 'zoneId' | 'ixfrBytes'>[] = [];
  let changedRecords = 0;
  for await (const change of wouldChange(rooms.pool, zoneIds, [...looked.moved.keys()], guards.answers)) {
    sizes.push({ zoneId: change.zoneId, ixfrBytes: change.ixfrBytes });
    changedRecords += change.deleted.length + change.added.length;
    if (zones.length < listed) zones.push(zonePlan(change, looked.moved));
  }
  return {
    targets: looked.targets + own.resolved + own.failed + own.held,
    resolved: looked.resolved + own.resolved,
    failed: looked.failed + own.failed,
    held: looked.held + own.held,
    changedRecords,
    changedZones: sizes.length,
    zones,
    more: sizes.length - zones.length,
    guards: guardsInWords(guards),
    holds: [...guardedTargets(guards), ...looked.holds].slice(0, HOLDS_LISTED),
    blast: { zones: sizes.length, ...(await blastOf(rooms.pool, sizes)) },
    ms: Math.round(performance.now() - started),
  };
}

function zonePlan(change: WouldChange, moved: ReadonlyMap<string, Planned>): ZonePlan {
  const why = change.targets.slice(0, REASONS).map((target) => {
    const evidence = moved.get(target)?.decision.state.evidence;
    return causeText(aliasCause(target, evidence));
  });
  return {
    zone: change.zone,
    deleted: change.deleted.map(plain),
    added: change.added.map(plain),
    why,
    ixfrBytes: change.ixfrBytes,
  };
}

function guardsInWords({ held, kept }: GuardsPlanned): ResyncPlan['guards'] {
  const plans: ResyncPlan['guards'] = held.map(({ counted, targets, aliases }) => ({
    guard: counted.guard,
    message: guardSentence(counted),
    targets: targets.length,
    aliases,
  }));
  if (kept.aliases > 0) plans.push({ guard: 'apex', message: apexSentence(kept.aliases), ...kept });
  return plans;
}

function guardedTargets({ held }: GuardsPlanned): ResyncPlan['holds'] {
  return held.flatMap(({ counted, targets }) =>
    targets.slice(0, HOLDS_LISTED).map((target) => ({ target, why: `guard ${counted.guard}` })),
  );
}

function plain({ name, ttl, type, content }: PlainRecord): PlainRecord {
  return { name, ttl, type, content };
}
