import { readState, type TargetState, unknownTarget } from '../zone/alias/state.ts';
import type { Pool } from './pool.ts';
import { DUE_AT, JOIN_PACK, STATE, type StoredState, stateOf } from './target-state.ts';

/** A target to look at, with what is known of it. */
export interface KnownTarget {
  /** Its key: canonical text. */
  name: string;
  state: TargetState;
  /** What a look has to come to so that it changes nothing; undefined where every look is to be decided on. */
  steady?: string | undefined;
}

/** Steady looks after which one is decided on all the same, so that what is kept of a target is never old. */
export const MOST_STEADY = 100;

/**
 * Takes due targets, at most `limit`, oldest first, but for those whose packs are due (see packs.ts); other workers pass by a taken one for `leaseSeconds`, or until its look is written.
 * What is known of a target bears on how to look where its last look was no good one; else the state of none stands in its place.
 */
export async function claimDueTargets(
  pool: Pool,
  limit: number,
  leaseSeconds: number,
): Promise<KnownTarget[]> {
  const { rows } = await pool.query({
    name: 'claim due targets',
    text: `with due as (select name from alias_targets where due_at <= now() and due_at < 'infinity' order by due_at limit $1 for update skip locked)
      update alias_targets t set due_at = now() + make_interval(secs => $2) from due where t.name = due.name
      returning t.name, case when t.failures > 0 then t.state end as state,
        case when not t.guarded and t.steady_looks < $3 then t.steady end as steady`,
    values: [limit, leaseSeconds, MOST_STEADY],
  });
  return rows.map(({ name, state, steady }) => ({
    name,
    state: state === null ? WELL : readState(state),
    ...(steady === null ? {} : { steady }),
  }));
}

/**
 * The targets of the ALIAS records of these zones, of all zones where `zoneIds` is undefined, after `after` in the order of names; with
 * `due` those alone that are due.
 */
export async function targetsOf(
  pool: Pool,
  zoneIds: readonly string[] | undefined,
  after: string,
  limit: number,
  due = false,
): Promise<KnownTarget[]> {
  const { rows } = await pool.query(
    zoneIds
      ? `select t.name, ${STATE} from alias_targets t ${JOIN_PACK}
         where t.name in (select target from aliases where zone_id = any ($3::bigint[])) and t.name > $1
           and (${DUE_AT} <= now() or not ${due}) order by t.name limit $2`
      : `select t.name, ${STATE} from alias_targets t ${JOIN_PACK}
         where t.name > $1 and exists (select from aliases where target = t.name)
           and (${DUE_AT} <= now() or not ${due}) order by t.name limit $2`,
    zoneIds ? [after, limit, zoneIds] : [after, limit],
  );
  return rows.map(toKnown);
}

/**
 * Has targets without a good answer looked at now: an ALIAS that newly follows one must wait neither for the back-off of others nor for
 * the next tick.
 */
export async function hastenTargets(pool: Pool, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await pool.query(
    `with hastened as (
       update alias_targets set due_at = least(due_at, now()) where name in (
         select name from alias_targets where name = any ($1::text[]) and failures > 0 for no key update skip locked)
       returning name)
     select pg_notify('zoneferry_targets', '') from (select from hastened limit 1) as any_of_them`,
    [names],
  );
}

/** Forgets targets that no ALIAS follows any more, and makes a row for any that lost theirs to a race with that. */
export async function tidyTargets(pool: Pool): Promise<void> {
  await pool.query(
    `delete from alias_targets where name in (
       select name from alias_targets t where not exists (select from aliases where target = t.name) for update skip locked)`,
  );
  await pool.query(
    `insert into alias_targets (name) select distinct target from aliases a
     where target is not null and not exists (select from alias_targets where name = a.target) on conflict (name) do nothing`,
  );
}

/** Of a target whose last look was good: the state of none stands in place of its own. */
export const WELL = unknownTarget();

function toKnown(row: StoredState & { name: string }): KnownTarget {
  return { name: row.name, state: stateOf(row) };
}
