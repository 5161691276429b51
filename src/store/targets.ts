import type { Decision } from '../zone/alias/decide.ts';
import { readState, type TargetState } from '../zone/alias/state.ts';
import { aliasCause } from '../zone/cause.ts';
import type { Client, Pool } from './pool.ts';

/** A target to look at, with what is known of it. */
export interface KnownTarget {
  /** Its key: canonical text. */
  name: string;
  state: TargetState;
}

/** A look whose answer waits to be written. */
export interface FinishedLook {
  name: string;
  /** What the answer changes in what is known of the target when it is written. */
  decide(before: TargetState): Decision;
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
      ? `select name, state from alias_targets
         where name in (select target from aliases where zone_id = any ($3::bigint[])) and name > $1
           and (due_at <= now() or not ${due}) order by name limit $2`
      : `select name, state from alias_targets t
         where name > $1 and exists (select from aliases where target = t.name)
           and (due_at <= now() or not ${due}) order by name limit $2`,
    zoneIds ? [after, limit, zoneIds] : [after, limit],
  );
  return rows.map(toKnown);
}

/**
 * Writes what looks came to, each decided on what is known of its target at that moment: other processes look, too. A changed answer
 * marks every name that follows the target, in the same transaction, so that it is published whatever happens next. Gives the
 * decisions, and in `busy` the targets whose rows somebody else holds; one that is gone is in neither.
 */
export async function writeLooks(
  pool: Pool,
  looks: readonly FinishedLook[],
  jobs: readonly string[],
): Promise<{ decisions: Map<string, Decision>; busy: Set<string> }> {
  const decisions = new Map<string, Decision>();
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const { rows } = await client.query<{ name: string; state: Partial<TargetState> }>({
      name: 'lock targets',
      text: 'select name, state from alias_targets where name = any ($1::text[]) order by name for no key update skip locked',
      values: [looks.map((look) => look.name)],
    });
    const known = new Map(rows.map((row) => [row.name, toKnown(row).state]));
    for (const look of looks) {
      const before = known.get(look.name);
      if (before) decisions.set(look.name, look.decide(before));
    }
    await writeStates(client, decisions);
    await markFollowers(client, decisions, jobs);
    const busy = await stillThere(client, looks, decisions);
    await client.query('commit');
    return { decisions, busy };
  } catch (error) {
    await client.query('rollback').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

async function stillThere(
  client: Client,
  looks: readonly FinishedLook[],
  decisions: ReadonlyMap<string, Decision>,
): Promise<Set<string>> {
  const missing = looks.flatMap(({ name }) => (decisions.has(name) ? [] : name));
  if (missing.length === 0) return new Set();
  const { rows } = await client.query<{ name: string }>(
    'select name from alias_targets where name = any ($1::text[])',
    [missing],
  );
  return new Set(rows.map((row) => row.name));
}

async function writeStates(client: Client, decisions: ReadonlyMap<string, Decision>): Promise<void> {
  if (decisions.size === 0) return;
  const states = [...decisions.values()].map((decision) => decision.state);
  await client.query({
    name: 'write looks',
    text: `update alias_targets t set state = u.state, answered = u.answered, due_at = u.due_at, looked_at = clock_timestamp(), failures = u.failures,
        a_addresses = string_to_array(u.a, ','), a_ttl = u.a_ttl, aaaa_addresses = string_to_array(u.aaaa, ','), aaaa_ttl = u.aaaa_ttl
      from unnest($1::text[], $2::jsonb[], $3::boolean[], $4::timestamptz[], $5::integer[], $6::text[], $7::integer[], $8::text[], $9::integer[])
        as u (name, state, answered, due_at, failures, a, a_ttl, aaaa, aaaa_ttl)
      where t.name = u.name collate "C"`,
    values: [
      [...decisions.keys()],
      states.map((state) => JSON.stringify(state)),
      states.map((state) => state.answered),
      [...decisions.values()].map((decision) => new Date(decision.dueAt)),
      states.map((state) => state.failures),
      states.map((state) => state.a.addresses.join()),
      states.map((state) => state.a.ttl),
      states.map((state) => state.aaaa.addresses.join()),
      states.map((state) => state.aaaa.ttl),
    ],
  });
}

async function markFollowers(
  client: Client,
  decisions: ReadonlyMap<string, Decision>,
  jobs: readonly string[],
): Promise<void> {
  const changed = [...decisions].filter(([, decision]) => decision.changed);
  if (changed.length === 0) return;
  const { rowCount } = await client.query({
    name: 'mark followers',
    text: `insert into zone_marks (zone_id, owner, cause)
      select a.zone_id, a.owner, c.cause from unnest($1::text[], $2::jsonb[]) as c (target, cause) join aliases a on a.target = c.target collate "C"`,
    values: [
      changed.map(([name]) => name),
      changed.map(([name, { state }]) => JSON.stringify(aliasCause(name, state.evidence, jobs[0]))),
    ],
  });
  if ((rowCount ?? 0) > 0) await client.query(`select pg_notify('zoneferry_marks', '')`);
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
     where not exists (select from alias_targets where name = a.target) on conflict (name) do nothing`,
  );
}

function toKnown(row: { name: string; state: Partial<TargetState> }): KnownTarget {
  return { name: row.name, state: readState(row.state) };
}
