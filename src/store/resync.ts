import { absoluteName, nameKey } from '../dns/name.ts';
import type { Pool } from './pool.ts';
import { waitsForFloor } from './publication/floor.ts';

/** Ids of zones by name; a name that is no zone's comes back in `unknown`. */
export async function zoneIdsOf(
  pool: Pool,
  names: readonly string[],
): Promise<{ ids: string[]; unknown: string[] }> {
  const keys = [...new Set(names.map(keyOrItself))];
  const { rows } = await pool.query<{ id: string; name: string }>(
    'select id, name from zones where name = any ($1::text[])',
    [keys],
  );
  const found = new Set(rows.map((row) => row.name));
  return { ids: rows.map((row) => row.id), unknown: keys.filter((key) => !found.has(key)) };
}

function keyOrItself(name: string): string {
  try {
    return nameKey(absoluteName(name));
  } catch {
    return name;
  }
}

/** The newest mark there is: what was edited up to now. */
export async function newestMark(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ id: string | null }>('select max(id) as id from zone_marks');
  return rows[0]?.id ?? '0';
}

/** Whether any of these zones, or any zone, still has a mark up to `newest`, those aside that wait for a zone's floor. */
export async function hasMarks(
  pool: Pool,
  zoneIds: readonly string[] | undefined,
  newest: string,
): Promise<boolean> {
  const { rows } = await pool.query<{ waiting: boolean }>(
    zoneIds
      ? `select exists (select from zone_marks m where id <= $1 and zone_id = any ($2::bigint[]) and not ${waitsForFloor('m')}) as waiting`
      : `select exists (select from zone_marks m where id <= $1 and not ${waitsForFloor('m')}) as waiting`,
    zoneIds ? [newest, zoneIds] : [newest],
  );
  return rows[0]?.waiting ?? false;
}

/** Zones whose ALIAS records follow any of these targets. */
export async function zonesFollowing(pool: Pool, targets: readonly string[]): Promise<string[]> {
  if (targets.length === 0) return [];
  const { rows } = await pool.query<{ zone_id: string }>(
    'select distinct zone_id from aliases where target = any ($1::text[])',
    [targets],
  );
  return rows.map((row) => row.zone_id);
}

export interface Changes {
  zoneIds: string[];
  records: number;
}

/** What was published in these zones since a moment of the database's clock. */
export async function changesSince(pool: Pool, zoneIds: readonly string[], since: Date): Promise<Changes> {
  const { rows } = await pool.query<{ id: string; records: string }>(
    `select z.id, coalesce(sum(c.deleted_count + c.added_count), 0) as records
     from zones z left join zone_changes c on c.zone_id = z.id and c.created_at >= $2
     where z.id = any ($1::bigint[]) and z.published_at >= $2 group by z.id`,
    [zoneIds, since],
  );
  return {
    zoneIds: rows.map((row) => row.id),
    records: rows.reduce((sum, row) => sum + Number(row.records), 0),
  };
}

/** How many NOTIFYs of these zones had a first send of their newest serial, and how many wait for it. */
export async function firstSends(
  pool: Pool,
  zoneIds: readonly string[],
): Promise<{ sent: number; waiting: number }> {
  const { rows } = await pool.query<{ sent: string; waiting: string }>(
    `select count(*) filter (where sent_serial = serial) as sent, count(*) filter (where sent_serial is distinct from serial)
       + (select count(*) from zone_news where zone_id = any ($1::bigint[])) as waiting
     from notifications where zone_id = any ($1::bigint[])`,
    [zoneIds],
  );
  return { sent: Number(rows[0]?.sent ?? 0), waiting: Number(rows[0]?.waiting ?? 0) };
}

export async function databaseTime(pool: Pool): Promise<Date> {
  const { rows } = await pool.query<{ now: Date }>('select clock_timestamp() as now');
  return rows[0]?.now ?? new Date(0);
}
