import { type Change, newChange } from '../../trace.ts';
import { followCause } from '../../zone/cause.ts';
import type { GuardNumbers, GuardPolicy } from '../../zone/guard.ts';
import { countOwnLosses, isLosing, lockGuard } from '../guards/rows.ts';
import type { Client, Pool } from '../pool.ts';
import { once } from '../transaction.ts';

/** ALIAS records judged at once. */
const MOST = 10_000;

/**
 * Has the ALIAS records published again whose ways have led to no address for long enough, where guards let them: `empty` holds all that are due
 * while too many would lose their addresses, `apex` those at zones' own names. Cheap where none is due. `now` in milliseconds since the epoch.
 * Gives the numbers where `empty` holds some.
 */
export async function recheckDenied(
  pool: Pool,
  now: number,
  guards: GuardPolicy,
): Promise<GuardNumbers | undefined> {
  const { rows } = await pool.query(
    'select from aliases where recheck_at <= to_timestamp($1::float8 / 1000) limit 1',
    [now],
  );
  if (rows.length === 0) return undefined;
  return once(pool, 'begin', async (client) => {
    const held = await judgeOwn(client, now, guards);
    await client.query(
      `with due as (
         select zone_id, owner, path[cardinality(path)] as name from aliases
         where recheck_at <= to_timestamp($2::float8 / 1000) or guard is not null and guarded_at >= to_timestamp($2::float8 / 1000)
         order by recheck_at limit ${MOST}),
       marked as (
         insert into zone_marks (zone_id, owner, cause)
         select d.zone_id, d.owner, $1::jsonb || jsonb_build_object('follows', d.name) from due d
         where not exists (select from zone_marks m where m.zone_id = d.zone_id and m.owner = d.owner) returning zone_id)
       select pg_notify('zoneferry_marks', '') from (select from marked limit 1) as any_of_them`,
      [JSON.stringify(followCause('')), now],
    );
    return held;
  });
}

/** Lets those that are due lose their addresses, or holds them. What was forced, or let go before, is not judged again. */
async function judgeOwn(client: Client, now: number, guards: GuardPolicy): Promise<GuardNumbers | undefined> {
  await lockGuard(client, 'empty');
  // what a publication holds is passed by until the next time: who waits for nobody ends in no deadlock
  const isDue = `a.record_id in (
    select record_id from aliases a
    where ${isLosing(guards)} and (guard is null or guard = 'empty') and recheck_at <= to_timestamp($1::float8 / 1000)
    for no key update skip locked)`;
  if (guards.apex)
    await client.query(
      `update aliases a set guard = 'apex', guarded_at = to_timestamp($1::float8 / 1000), guard_numbers = null, recheck_at = null from zones z
       where ${isDue} and z.id = a.zone_id and z.name collate "C" = a.owner`,
      [now],
    );
  const { guard, concerned, total, limit, tooMany } = await countOwnLosses(client, guards, now);
  const { rowCount } = await client.query(
    `update aliases a set guard = $2, guard_numbers = $3::integer[],
       guarded_at = case when a.guard = $2 then a.guarded_at else to_timestamp($1::float8 / 1000) end,
       recheck_at = case when $2 = 'empty' then to_timestamp(($1::float8 + $4::float8) / 1000) else a.recheck_at end
     where ${isDue}`,
    [now, tooMany ? 'empty' : 'released', tooMany ? [concerned, total, limit] : null, guards.again],
  );
  return tooMany && rowCount ? { guard, concerned, total, limit } : undefined;
}

/**
 * Has the ALIAS records published again that our own records answer, of these zones or of all: what a resync is to targets elsewhere.
 * `force` ends the hold of names without addresses, and passes guards.
 */
export async function followAgain(
  pool: Pool,
  zoneIds: readonly string[] | undefined,
  force: boolean,
  change?: Change,
): Promise<void> {
  if (force)
    await pool.query(
      // zones first, as publications lock them
      `with locked as materialized (select id from zones where id = any ($1::bigint[]) order by id for no key update)
       update aliases set guard = 'forced', guarded_at = clock_timestamp()
       where (denied_since is not null or guard in ('empty', 'apex')) and zone_id in (select id from locked)`,
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
