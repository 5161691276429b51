import { type Change, newChange } from '../../trace.ts';
import { followCause } from '../../zone/cause.ts';
import type { Pool } from '../pool.ts';

/** Has the ALIAS records published again whose names have had no addresses for long enough. Cheap where there are none. */
export async function recheckDenied(pool: Pool): Promise<void> {
  await pool.query(
    `with due as (select zone_id, owner, path[cardinality(path)] as name from aliases where recheck_at <= now() order by recheck_at limit 10000),
     marked as (
       insert into zone_marks (zone_id, owner, cause)
       select d.zone_id, d.owner, $1::jsonb || jsonb_build_object('follows', d.name) from due d
       where not exists (select from zone_marks m where m.zone_id = d.zone_id and m.owner = d.owner) returning zone_id)
     select pg_notify('zoneferry_marks', '') from (select from marked limit 1) as any_of_them`,
    [JSON.stringify(followCause(''))],
  );
}

/**
 * Has the ALIAS records published again that our own records answer, of these zones or of all: what a resync is to targets elsewhere.
 * `force` ends the hold of names without addresses.
 */
export async function followAgain(
  pool: Pool,
  zoneIds: readonly string[] | undefined,
  force: boolean,
  change?: Change,
): Promise<void> {
  if (force)
    await pool.query(
      `update aliases set denied_since = 'epoch' where denied_since is not null and zone_id = any ($1::bigint[])`,
      [zoneIds ?? []],
    );
  await pool.query(
    `with marked as (
       insert into zone_marks (zone_id, owner, cause, change)
       select zone_id, owner, $2::jsonb || jsonb_build_object('follows', path[1]), $3 from aliases
       where target is null and ($1::bigint[] is null or zone_id = any ($1::bigint[])) returning zone_id)
     select pg_notify('zoneferry_marks', '') from (select from marked limit 1) as any_of_them`,
    [zoneIds ?? null, JSON.stringify(followCause('')), change ?? newChange()],
  );
}

/** How the targets of ours came out, each counted once, and the zones whose ALIAS records follow them. */
export async function countFollowed(
  pool: Pool,
  zoneIds: readonly string[] | undefined,
): Promise<{ resolved: number; held: number; failed: number; zoneIds: string[] }> {
  const { rows } = await pool.query<{
    resolved: string;
    held: string;
    failed: string;
    zones: string[] | null;
  }>(
    `with own as (
       select a.path[1] as target, a.zone_id, a.held_reason is not null as held,
         exists (select from transfer_records t where t.zone_id = a.zone_id and t.owner = a.owner and t.source_record_id = a.record_id) as published
       from aliases a where a.target is null and ($1::bigint[] is null or a.zone_id = any ($1::bigint[]))
     ), each as (select target, bool_and(not held and published) as resolved, bool_or(published) as published from own group by target)
     select count(*) filter (where resolved) as resolved, count(*) filter (where published and not resolved) as held,
       count(*) filter (where not published) as failed, (select array_agg(distinct zone_id) from own) as zones from each`,
    [zoneIds ?? null],
  );
  const [row] = rows;
  return {
    resolved: Number(row?.resolved ?? 0),
    held: Number(row?.held ?? 0),
    failed: Number(row?.failed ?? 0),
    zoneIds: row?.zones ?? [],
  };
}
