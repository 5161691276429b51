import { GONE_AFTER_MS } from './lease/lease.ts';
import { forgetOldChanges } from './lease/statements.ts';
import { type LeaseVersion, type LeaseWatch, readLeases } from './lease/watch.ts';
import type { Pool } from './pool.ts';

export interface JournalLimits {
  /** Versions kept of one zone. */
  versions: number;
  /** Days that a version is kept. */
  days: number;
  /** Octets of changesets kept of one zone. */
  bytes: number;
}

/**
 * Prunes the journal, oldest first, so that what stays of a zone is one chain up to its newest version.
 *
 * @param changedSince looks at zones with versions of that time or newer, and at those with a version too old: all that can have come to a limit where the
 *   others were pruned then. Undefined: at all zones
 * @returns versions taken away
 */
export async function pruneJournal(pool: Pool, limits: JournalLimits, changedSince?: Date): Promise<number> {
  const zoneIds = await zonesToPrune(pool, limits, changedSince);
  let pruned = 0;
  for (let start = 0; start < zoneIds.length; start += ZONES_AT_ONCE)
    pruned += await pruneZones(pool, limits, zoneIds.slice(start, start + ZONES_AT_ONCE));
  return pruned;
}

/** Zones in one statement, so that what it holds and what waits for it is soon over. */
const ZONES_AT_ONCE = 200;

async function zonesToPrune(
  pool: Pool,
  limits: JournalLimits,
  changedSince: Date | undefined,
): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    changedSince === undefined
      ? { text: 'select id from zones order by id' }
      : {
          text: `select zone_id as id from zone_changes where created_at >= $1::timestamptz
            union select zone_id from zone_changes where created_at < now() - make_interval(days => $2) order by id`,
          values: [changedSince, limits.days],
        },
  );
  return rows.map((row) => row.id);
}

async function pruneZones(pool: Pool, limits: JournalLimits, zoneIds: readonly string[]): Promise<number> {
  const { rows } = await pool.query<{ pruned: number }>(
    `with aged as (
       select c.zone_id, c.from_serial, c.created_at,
         row_number() over newest_first as version,
         sum(octet_length(deleted) + octet_length(added)) over newest_first as bytes,
         min(c.created_at) over newest_first as oldest
       from zone_changes c join zones z on z.id = c.zone_id where c.zone_id = any ($4::bigint[])
       -- by how far they lie behind the published one on the ring of serials: clocks may have been set
       window newest_first as (partition by c.zone_id order by (z.published_serial - c.to_serial) & 4294967295)
     ), past as (
       select c.zone_id, c.from_serial from zone_changes c
       join aged a on a.zone_id = c.zone_id and a.from_serial = c.from_serial and a.created_at = c.created_at
       where c.zone_id = any ($4::bigint[]) and (a.version > $1 or a.bytes > $2 or a.oldest < now() - make_interval(days => $3))
       -- a client that deletes a zone and does not commit is not waited for, as others would wait for us
       for update of c skip locked
     ), pruned as (
       delete from zone_changes c using past p where c.zone_id = p.zone_id and c.from_serial = p.from_serial
       returning c.zone_id, c.from_serial, c.to_serial
     ), history as (
       -- what \`records\` held before these versions, and before the one that the oldest of them begins at
       delete from record_history h using pruned p where h.zone_id = p.zone_id and h.serial in (p.from_serial, p.to_serial)
     )
     select count(*)::integer as pruned from pruned`,
    [limits.versions, limits.bytes, limits.days, zoneIds],
  );
  return rows[0]?.pruned ?? 0;
}

/** What `records` held before versions that have left the journal in other ways than by `pruneJournal`. */
export async function pruneSourceHistory(pool: Pool): Promise<number> {
  const { rowCount } = await pool.query(
    `delete from record_history h where serial is not null
       and not exists (select from zone_changes c where c.zone_id = h.zone_id and c.to_serial = h.serial)`,
  );
  return rowCount ?? 0;
}

/** What is left of zones that are gone, where their own marks went too early. */
export async function dropOrphans(pool: Pool): Promise<void> {
  await pool.query('delete from zone_marks m where not exists (select from zones where id = m.zone_id)');
  await pool.query('delete from record_history h where not exists (select from zones where id = h.zone_id)');
  await pool.query('delete from notifications n where not exists (select from zones where id = n.zone_id)');
}

/**
 * Changes that no process answers DNS with any more. Such processes forget them by themselves, but there may be none, or all were killed: `leases` has
 * to be the same at each call, to see who renews no more.
 */
export async function dropServedChanges(pool: Pool, leases: LeaseWatch): Promise<void> {
  const askedAt = performance.now();
  leases.saw((await pool.query<LeaseVersion>(readLeases())).rows, askedAt);
  for (let left = true; left; ) {
    const { rows } = await pool.query<{ more: boolean }>(
      forgetOldChanges(leases.unrenewedFor(GONE_AFTER_MS)),
    );
    left = rows[0]?.more === true;
  }
}

/** Serials of zones that were deleted long ago: one of that name made again starts anew. */
export async function pruneTombstones(pool: Pool, days: number): Promise<void> {
  await pool.query('delete from zone_tombstones where deleted_at < now() - make_interval(days => $1)', [
    days,
  ]);
}
