import { type TargetState, unknownTarget } from '../zone/alias/policy.ts';
import type { Pool } from './pool.ts';

/** A target to look at, with what is known of it. */
export interface KnownTarget {
  /** Its key: canonical text. */
  name: string;
  state: TargetState;
}

/** What a look came to, ready to be written. */
export interface TargetUpdate {
  name: string;
  state: TargetState;
  dueAt: Date;
  changed: boolean;
}

/**
 * Takes due targets, at most `limit`, oldest first; other workers pass by a taken one for `leaseSeconds`, or until its look is written.
 */
export async function claimDueTargets(
  pool: Pool,
  limit: number,
  leaseSeconds: number,
): Promise<KnownTarget[]> {
  const { rows } = await pool.query({
    name: 'claim due targets',
    text: `with due as (select name from alias_targets where due_at <= now() order by due_at limit $1 for update skip locked)
      update alias_targets t set due_at = now() + make_interval(secs => $2) from due where t.name = due.name
      returning t.name, t.state`,
    values: [limit, leaseSeconds],
  });
  return rows.map(toKnown);
}

/** The targets of the ALIAS records of these zones, of all zones where `zoneIds` is undefined, after `after` in the order of names. */
export async function targetsOf(
  pool: Pool,
  zoneIds: readonly string[] | undefined,
  after: string,
  limit: number,
): Promise<KnownTarget[]> {
  const { rows } = await pool.query(
    zoneIds
      ? `select name, state from alias_targets
         where name in (select target from aliases where zone_id = any ($3::bigint[])) and name > $1 order by name limit $2`
      : `select name, state from alias_targets t
         where name > $1 and exists (select from aliases where target = t.name) order by name limit $2`,
    zoneIds ? [after, limit, zoneIds] : [after, limit],
  );
  return rows.map(toKnown);
}

/**
 * Writes what looks came to. A changed answer marks every name that follows the target, in the same transaction, so that it is
 * published whatever happens next. Returns how many names were marked.
 */
export async function writeLooks(
  pool: Pool,
  updates: readonly TargetUpdate[],
  jobs: readonly string[],
): Promise<number> {
  if (updates.length === 0) return 0;
  const sorted = [...updates].sort((a, b) => (a.name < b.name ? -1 : 1)); // one order of locks
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    await client.query({
      name: 'write looks',
      text: `update alias_targets t set state = u.state, answered = u.answered, due_at = u.due_at, looked_at = clock_timestamp(), failures = u.failures,
          a_addresses = string_to_array(u.a, ','), a_ttl = u.a_ttl, aaaa_addresses = string_to_array(u.aaaa, ','), aaaa_ttl = u.aaaa_ttl
        from unnest($1::text[], $2::jsonb[], $3::boolean[], $4::timestamptz[], $5::integer[], $6::text[], $7::integer[], $8::text[], $9::integer[])
          as u (name, state, answered, due_at, failures, a, a_ttl, aaaa, aaaa_ttl)
        where t.name = u.name collate "C"`,
      values: [
        sorted.map((update) => update.name),
        sorted.map((update) => JSON.stringify(update.state)),
        sorted.map((update) => update.state.answered),
        sorted.map((update) => update.dueAt),
        sorted.map((update) => update.state.failures),
        sorted.map((update) => update.state.a.addresses.join()),
        sorted.map((update) => update.state.a.ttl),
        sorted.map((update) => update.state.aaaa.addresses.join()),
        sorted.map((update) => update.state.aaaa.ttl),
      ],
    });
    const changed = sorted.filter((update) => update.changed).map((update) => update.name);
    let marked = 0;
    if (changed.length > 0) {
      const { rowCount } = await client.query({
        name: 'mark followers',
        text: `insert into zone_marks (zone_id, owner, cause)
          select zone_id, owner, jsonb_build_object('target', target) || $2::jsonb from aliases where target = any ($1::text[])`,
        values: [changed, JSON.stringify(jobs.length > 0 ? { job: jobs[0] } : {})],
      });
      marked = rowCount ?? 0;
      if (marked > 0) await client.query(`select pg_notify('zoneferry_marks', '')`);
    }
    await client.query('commit');
    return marked;
  } catch (error) {
    await client.query('rollback').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

/** Forgets targets that no ALIAS follows any more, and makes a row for any that lost theirs to a race with that. */
export async function tidyTargets(pool: Pool): Promise<void> {
  await pool.query(
    'delete from alias_targets t where not exists (select from aliases where target = t.name)',
  );
  await pool.query(
    `insert into alias_targets (name) select distinct target from aliases a
     where not exists (select from alias_targets where name = a.target) on conflict (name) do nothing`,
  );
}

function toKnown(row: { name: string; state: Partial<TargetState> }): KnownTarget {
  return { name: row.name, state: { ...unknownTarget(), ...row.state } };
}
