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
  const { rows } = await pool.query<{ pruned: number }>(
    `with touched as (
       select zone_id from zone_changes where $4::timestamptz is null or created_at >= $4::timestamptz
       union
       select zone_id from zone_changes where created_at < now() - make_interval(days => $3)
     ), aged as (
       select zone_id, from_serial, created_at,
         row_number() over newest_first as version,
         sum(octet_length(deleted) + octet_length(added)) over newest_first as bytes,
         min(created_at) over newest_first as oldest
       from zone_changes where zone_id in (select zone_id from touched)
       window newest_first as (partition by zone_id order by created_at desc, to_serial desc)
     ), past as (
       select c.zone_id, c.from_serial from zone_changes c
       join aged a on a.zone_id = c.zone_id and a.from_serial = c.from_serial and a.created_at = c.created_at
       where a.version > $1 or a.bytes > $2 or a.oldest < now() - make_interval(days => $3)
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
    [limits.versions, limits.bytes, limits.days, changedSince ?? null],
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
