/** What waits for a time to come, where a clock was set meanwhile. */
import type { Pool } from './pool.ts';

/**
 * Has targets looked at now whose next look lies farther ahead than any is ever put: somebody's clock was ahead when it was written, and
 * was set back since.
 *
 * @param farthest seconds
 */
export async function hastenFarTargets(pool: Pool, farthest: number): Promise<void> {
  await pool.query({
    name: 'hasten far targets',
    text: `with packs as (
        update steady_packs set due_at = now() where id in (
          select id from steady_packs where due_at > now() + make_interval(secs => $1) for no key update skip locked)
      )
      update alias_targets set due_at = now() where name in (
        select name from alias_targets where due_at > now() + make_interval(secs => $1) and due_at < 'infinity'
        for no key update skip locked)`,
    values: [farthest],
  });
}

/**
 * Makes NOTIFYs and looks at secondaries due that are put off for longer than any ever is: the database's clock was ahead when they
 * were, and was set back since.
 */
export async function hastenFarWaits(pool: Pool): Promise<void> {
  await pool.query(
    `update notifications n set next_at = now() from (
       select zone_id, secondary_id, address from notifications
       where acked_serial is distinct from serial and next_at > now() + interval '15 minutes'
       order by zone_id, secondary_id, address for no key update skip locked) as far
     where (n.zone_id, n.secondary_id, n.address) = (far.zone_id, far.secondary_id, far.address)`,
  );
  await pool.query(
    `update convergence c set next_check_at = now() from (
       select zone_id, secondary_id from convergence where next_check_at > now() + interval '90 minutes'
       order by zone_id, secondary_id for no key update skip locked) as far
     where (c.zone_id, c.secondary_id) = (far.zone_id, far.secondary_id)`,
  );
}

/** Moves all that waits for a time of the database's clock by so many seconds towards now: that clock was set back by as much. */
export async function bringWaitsForward(pool: Pool, seconds: number): Promise<void> {
  const sooner = (column: string) => `${column} = greatest(now(), ${column} - make_interval(secs => $1))`;
  await pool.query(
    `update steady_packs set ${sooner('due_at')} where id in (
       select id from steady_packs where due_at > now() order by id for no key update skip locked)`,
    [seconds],
  );
  await pool.query(
    `update alias_targets set ${sooner('due_at')} where name in (
       select name from alias_targets where due_at > now() and due_at < 'infinity' order by name for no key update skip locked)`,
    [seconds],
  );
  await pool.query(
    `update notifications n set ${sooner('next_at')} from (
       select zone_id, secondary_id, address from notifications where acked_serial is distinct from serial and next_at > now()
       order by zone_id, secondary_id, address for no key update skip locked) as waiting
     where (n.zone_id, n.secondary_id, n.address) = (waiting.zone_id, waiting.secondary_id, waiting.address)`,
    [seconds],
  );
  await pool.query(
    `update convergence c set ${sooner('next_check_at')} from (
       select zone_id, secondary_id from convergence where next_check_at > now()
       order by zone_id, secondary_id for no key update skip locked) as waiting
     where (c.zone_id, c.secondary_id) = (waiting.zone_id, waiting.secondary_id)`,
    [seconds],
  );
}

/** Moves the holds of aliases that a worker's clock measures by so many seconds, as that clock was set back by as much. `now` in milliseconds. */
export async function moveHoldsBack(pool: Pool, now: number, seconds: number): Promise<void> {
  const earlier = ['recheck_at', 'denied_since', 'failing_since'].map(
    (column) =>
      `${column} = case when ${column} > ahead.now then ${column} - make_interval(secs => $2) else ${column} end`,
  );
  await pool.query(
    `update aliases a set ${earlier.join(', ')} from (
       select record_id, to_timestamp($1::float8 / 1000) as now from aliases
       where recheck_at > to_timestamp($1::float8 / 1000) or denied_since > to_timestamp($1::float8 / 1000) or failing_since > to_timestamp($1::float8 / 1000)
       order by record_id for no key update skip locked) as ahead
     where a.record_id = ahead.record_id`,
    [now, seconds],
  );
}
