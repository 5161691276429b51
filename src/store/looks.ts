import { newChange } from '../trace.ts';
import type { Decision } from '../zone/alias/decide.ts';
import { answerOf, type TargetState } from '../zone/alias/state.ts';
import { aliasCause } from '../zone/cause.ts';
import type { GuardNumbers, GuardPolicy, SecondOpinion } from '../zone/guard.ts';
import { binaryArray } from './binary-array.ts';
import { type Asker, markFollowers } from './followers.ts';
import { type Judged, judge } from './guards/judge.ts';
import { endOverrides, type Forced, forceAliases, keepAtApex, type Owner } from './guards/overrides.ts';
import { noteGuarded } from './guards/rows.ts';
import type { Client, Pool } from './pool.ts';
import { JOIN_PACK, STATE, type StoredState, stateOf } from './target-state.ts';
import { once } from './transaction.ts';

/** A look whose answer waits to be written. */
export interface FinishedLook {
  name: string;
  asker?: Asker;
  /** What the answer changes in what is known of the target when it is written. */
  decide(before: TargetState): Decision;
  /**
   * Of a forced look that had an answer, "no such name" among them: what it would change if it passed by everything that holds. It
   * counts for the zones named alone.
   */
  forced?: { zoneIds: readonly string[]; decide(before: TargetState): Decision };
  /** What another resolver said, where a guard had asked for it. */
  opinion?: SecondOpinion;
  /** When to look again if a guard holds it, in milliseconds since the epoch. */
  again?: number;
}

export interface WrittenLook {
  decision: Decision;
  /** The guard that holds it, with its numbers; the decision is that of holding then. */
  heldBy?: GuardNumbers | undefined;
  /** Whether aliases of forced zones publish something else now. */
  forcedSome: boolean;
}

export interface LooksWritten {
  written: Map<string, WrittenLook>;
  /** Targets whose rows somebody else holds. One that is gone is nowhere. */
  busy: Set<string>;
  /** Targets that another resolver is to be asked for, and that are to be written again with what it says. */
  unsure: Set<string>;
}

interface Locked extends Judged {
  look: FinishedLook;
}

/**
 * Writes what looks came to, each decided on what is known of its target at that moment: other processes look, too. A changed answer
 * marks every name that follows the target, in the same transaction, so that it is published whatever happens next; unless a guard
 * holds it.
 */
export function writeLooks(
  pool: Pool,
  looks: readonly FinishedLook[],
  guards?: GuardPolicy,
): Promise<LooksWritten> {
  // Should the server crash now, the answer is lost with its marks, and its target is due as before: nothing waits for the disk.
  return once(pool, 'begin; set local synchronous_commit = off', (client) => write(client, looks, guards));
}

async function write(
  client: Client,
  looks: readonly FinishedLook[],
  guards: GuardPolicy | undefined,
): Promise<LooksWritten> {
  const locked = await lockTargets(client, looks);
  const askers = new Map(looks.map(({ name, asker = {} }) => [name, asker]));
  const verdict = guards && (await judge(client, locked, guards));
  const sure = locked.filter(({ name }) => !verdict?.unsure.has(name));
  const decisions = new Map(
    sure.map(({ name, decision }) => [name, verdict?.held.get(name)?.decision ?? decision]),
  );
  await writeStates(client, decisions);
  const moved = await markFollowers(client, decisions, askers);
  const apart = await setApart(client, sure, decisions, guards?.apex ? verdict?.emptied : undefined);
  const marked = await markApart(client, apart, decisions, askers);
  if (moved + marked > 0) await client.query(`select pg_notify('zoneferry_marks', '')`);
  await noteGuarded(client, [...new Set([...(verdict?.touched ?? []), ...apart.touched])]);

  const written = new Map<string, WrittenLook>();
  for (const [name, decision] of decisions)
    written.set(name, {
      decision,
      heldBy: verdict?.held.get(name)?.by,
      forcedSome: apart.forcedSome.has(name),
    });
  const found = new Set(locked.map(({ name }) => name));
  const busy = await stillThere(
    client,
    looks.flatMap(({ name }) => (found.has(name) ? [] : name)),
  );
  return { written, busy, unsure: verdict?.unsure ?? new Set() };
}

async function lockTargets(client: Client, looks: readonly FinishedLook[]): Promise<Locked[]> {
  const { rows } = await client.query<StoredState & { name: string; guarded: boolean }>({
    name: 'lock targets',
    text: `select t.name, ${STATE}, t.guarded from alias_targets t ${JOIN_PACK}
      where t.name = any ($1::text[]) order by t.name for no key update of t skip locked`,
    values: [
      binaryArray(
        'text',
        looks.map((look) => look.name),
      ),
    ],
  });
  const known = new Map(rows.map((row) => [row.name, row]));
  return looks.flatMap((look) => {
    const row = known.get(look.name);
    if (!row) return [];
    const before = stateOf(row);
    const { name, opinion, again } = look;
    return { name, look, before, decision: look.decide(before), guarded: row.guarded, opinion, again };
  });
}

/** Which of these targets, whose rows could not be had, there are. */
async function stillThere(client: Client, missing: readonly string[]): Promise<Set<string>> {
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
    text: `update alias_targets t set state = u.state, answered = u.answered, due_at = clock_timestamp() + make_interval(secs => u.due_in), looked_at = clock_timestamp(), failures = u.failures, steady = u.steady, steady_looks = 0, pack = null,
        a_addresses = string_to_array(u.a, ','), a_ttl = u.a_ttl, aaaa_addresses = string_to_array(u.aaaa, ','), aaaa_ttl = u.aaaa_ttl
      from unnest($1::text[], $2::jsonb[], $3::boolean[], $4::float8[], $5::integer[], $6::text[], $7::integer[], $8::text[], $9::integer[], $10::text[])
        as u (name, state, answered, due_in, failures, a, a_ttl, aaaa, aaaa_ttl, steady)
      where t.name = u.name collate "C"`,
    values: [
      binaryArray('text', [...decisions.keys()]),
      binaryArray(
        'jsonb',
        states.map((state) => JSON.stringify(state)),
      ),
      states.map((state) => state.answered),
      // by the database's clock, as it is that of whoever takes what is due
      [...decisions.values()].map(({ at, dueAt }) => (dueAt - at) / 1_000),
      states.map((state) => state.failures),
      states.map((state) => state.a.addresses.join()),
      states.map((state) => state.a.ttl),
      states.map((state) => state.aaaa.addresses.join()),
      states.map((state) => state.aaaa.ttl),
      [...decisions.values()].map((decision) => decision.steady ?? null),
    ],
  });
}

/** Sets aliases apart from their targets' answers, or ends it: those of forced zones, and those that a guard keeps at an apex. */
async function setApart(
  client: Client,
  looks: readonly Locked[],
  decisions: ReadonlyMap<string, Decision>,
  emptied: readonly Judged[] = [],
): Promise<{ forced: Forced[]; forcedSome: Set<string>; ended: Owner[]; touched: string[] }> {
  const decisionOf = ({ name, decision }: Locked) => decisions.get(name) ?? decision;
  const forced = looks.flatMap((locked) => {
    const { look, name, before } = locked;
    if (!look.forced) return [];
    const answer = answerOf(look.forced.decide(before).state);
    const other = answerOf(decisionOf(locked).state);
    return { name, zoneIds: look.forced.zoneIds, forced: answer, other };
  });
  await keepAtApex(client, emptied);
  const owners = await forceAliases(client, forced);
  const ended = await endOverrides(
    client,
    looks
      .filter(({ look, guarded }) => guarded && !look.forced)
      .map((locked) => ({ name: locked.name, decision: decisionOf(locked) })),
  );
  return {
    forced,
    forcedSome: new Set(owners.map(({ target }) => target)),
    ended,
    touched: [...forced.map(({ name }) => name), ...emptied.map(({ name }) => name)],
  };
}

/**
 * Marks names that are set apart no more; and all those that follow forced targets in the zones named, as an answer of before may wait
 * for a zone's floor. Gives how many.
 */
async function markApart(
  client: Client,
  { forced, ended }: { forced: readonly Forced[]; ended: readonly Owner[] },
  decisions: ReadonlyMap<string, Decision>,
  askers: ReadonlyMap<string, Asker>,
): Promise<number> {
  const cause = (target: string, isForced: boolean) =>
    JSON.stringify(
      aliasCause(target, decisions.get(target)?.state.evidence, askers.get(target)?.job, isForced),
    );
  const changeOf = (target: string) => askers.get(target)?.change ?? newChange();
  for (const { name, zoneIds } of forced) {
    await client.query(
      `insert into zone_marks (zone_id, owner, cause, change)
       select zone_id, owner, $3::jsonb, $4 from aliases where target = $1 and zone_id = any ($2::bigint[])`,
      [name, zoneIds, cause(name, true), changeOf(name)],
    );
  }
  if (ended.length > 0) {
    await client.query(
      'insert into zone_marks (zone_id, owner, cause, change) select * from unnest($1::bigint[], $2::text[], $3::jsonb[], $4::text[])',
      [
        ended.map(({ zoneId }) => zoneId),
        ended.map(({ owner }) => owner),
        ended.map(({ target }) => cause(target, false)),
        ended.map(({ target }) => changeOf(target)),
      ],
    );
  }
  return forced.length + ended.length;
}
