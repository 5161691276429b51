import type { Change } from '../../trace.ts';
import { type AliasPolicy, aliasPolicy } from '../../zone/alias/policy.ts';
import type { SerialPolicy } from '../../zone/serial-policy.ts';
import { spreadMarks } from '../in-zone/followers.ts';
import type { Client, Pool } from '../pool.ts';
import { inTransaction } from '../transaction.ts';
import { type Advance, advance } from './advance.ts';
import { claimSourceHistory, writeJournal } from './journal.ts';
import { spreadNews, writeNews } from './news.ts';
import { type LockedZone, lockZones, originsOf, takeMarks } from './read.ts';
import { forgetOldProblems, setAside, sortByReadiness } from './readiness.ts';
import { rewriteRows } from './rows.ts';
import { TargetLocks } from './target-locks.ts';
import { advanceZones, forgetGone, hint } from './write.ts';

export interface PublishOptions {
  /** For zones without a policy of their own. */
  serialPolicy: SerialPolicy;
  /** Milliseconds since the epoch. */
  now: number;
  /** What an ALIAS publishes whose way ends within our zones; the default settings', where nothing is said. */
  policy?: AliasPolicy;
  /** The zones of this batch. */
  zoneIds: readonly string[];
  /** On which secondaries were asked for their serials; where PostgreSQL has another one, nothing is published. */
  timeline?: string | undefined;
}

/** A zone's step to its new version. */
export interface PublishedStep {
  zoneId: string;
  name: string;
  from: number | undefined;
  serial: number;
  deleted: number;
  added: number;
  /** By what it is followed, and others that went into the same version. */
  change: Change;
  joined: readonly string[];
}

export interface Publication {
  /** Zones with a new version. */
  zones: PublishedStep[];
  /** Ids of the zones that are done with, those deleted meanwhile among them; of the others somebody holds something. */
  locked: string[];
  /** Targets that an ALIAS follows from now on. */
  followed: string[];
  /** Zones that can't be published, with the reason. */
  setAside: { name: string; problem: string }[];
  marks: number;
}

/**
 * Makes edits real, in one transaction for a batch of zones:
 * lock zones -> stale rows out -> new rows in -> serial up once a zone -> changeset into the journal -> news, from which the outbox is filled.
 * Where nothing differs, nothing is written and no serial spent.
 *
 * @throws OtherTimeline where another server took over since
 */
export async function publishMarked(pool: Pool, options: PublishOptions): Promise<Publication> {
  const locks = new TargetLocks(pool, options.zoneIds);
  try {
    const publication = await inTransaction(pool, (client) => publish(client, options), {
      beforeRetry: (error) => locks.take(error),
      // A lock that a client holds for long fails the batch, whose zones are then published one by one: the others don't wait for it.
      lockTimeoutMs: 1_000,
    });
    // what fails here stays for who sends NOTIFY: the versions themselves are out
    if (publication.zones.length > 0) await spreadNews(pool).catch(() => {});
    return publication;
  } finally {
    await locks.release();
  }
}

async function publish(client: Client, options: PublishOptions): Promise<Publication> {
  const zones = await lockZones(client, options.zoneIds, options.timeline);
  const held = new Set(zones.map((zone) => zone.id));
  const gone = await forgetGone(
    client,
    options.zoneIds.filter((zoneId) => !held.has(zoneId)),
  );
  if (zones.length + gone.length === 0)
    return { zones: [], locked: [], setAside: [], marks: 0, followed: [] };
  const marks = await takeMarks(
    client,
    zones.map((zone) => zone.id),
  );
  const { ready, unready } = await sortByReadiness(client, zones, marks);
  await setAside(
    client,
    unready
      .filter(({ zone, problem }) => !zone.stale || zone.problem !== problem)
      .map(({ zone, problem }) => ({ zoneId: zone.id, problem })),
  );
  const spread = await spreadMarks(client, zones, ready, marks, gone);
  const all = [...marks, ...spread.marks];
  const { policy = aliasPolicy(), now } = options;
  const { deltas, newTargets, again, followed, passed } = await rewriteRows(client, ready, all, {
    policy,
    now,
  });
  const origins = originsOf(all);
  const advances = ready.flatMap(
    (zone) => advance(zone, deltas.get(zone.id), origins.get(zone.id), options) ?? [],
  );
  if (advances.length > 0) {
    await advanceZones(client, advances);
    await writeJournal(client, advances);
    await claimSourceHistory(client, advances);
    await writeNews(client, advances);
  }
  await forgetOldProblems(client, ready, advances);
  await hint(client, [
    ...(advances.length > 0 ? ['versions'] : []),
    ...(newTargets || spread.due ? ['targets'] : []),
    ...(again || spread.marked ? ['marks'] : []),
  ]);
  const publication = report(zones, advances, unready, marks.length);
  const done = publication.locked.filter((zoneId) => !passed.has(zoneId));
  return { ...publication, locked: [...done, ...gone], followed: [...followed] };
}

function report(
  zones: readonly LockedZone[],
  advances: readonly Advance[],
  unready: readonly { zone: LockedZone; problem: string }[],
  marks: number,
): Omit<Publication, 'followed'> {
  const names = new Map(zones.map((zone) => [zone.id, zone.name]));
  return {
    zones: advances.map((step) => ({
      zoneId: step.zoneId,
      name: names.get(step.zoneId) ?? '',
      from: step.from?.serial,
      serial: step.serial,
      deleted: step.deletedCount,
      added: step.addedCount,
      change: step.change,
      joined: step.joined,
    })),
    locked: zones.map((zone) => zone.id),
    setAside: unready.map(({ zone, problem }) => ({ name: zone.name, problem })),
    marks,
  };
}
