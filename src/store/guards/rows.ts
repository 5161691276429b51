import {
  enoughFor,
  type GuardNumbers,
  type GuardPolicy,
  isTooMany,
  LEAST_CONCERNED,
} from '../../zone/guard.ts';
import type { Client, Pool } from '../pool.ts';

export interface Counted extends GuardNumbers {
  tooMany: boolean;
  /** How many aliases follow each target. */
  aliases: Map<string, number>;
}

/** Who only asks needs no transaction. */
type Asked = Pick<Client, 'query'> | Pick<Pool, 'query'>;

const LOCKS = { empty: 1, change: 2 };

/** Until the transaction ends, no other counts. */
export async function lockGuard(client: Client, guard: 'empty' | 'change'): Promise<void> {
  await client.query('select pg_advisory_xact_lock(5300, $1)', [LOCKS[guard]]);
}

/** Targets that answer well again count no more; of those whose change is over, or another, it is held no more. */
export async function forgetRows(
  client: Client,
  well: readonly string[],
  unchanged: readonly string[],
): Promise<void> {
  if (well.length + unchanged.length === 0) return;
  await client.query(
    `delete from guarded_targets where target = any ($1::text[]) and guard = 'empty'
       or target = any ($2::text[]) and guard = 'change' and state = 'held'`,
    [well, unchanged],
  );
}

/** Targets on the way to lose their addresses count from now on: an incident shows before its first loss. Gives those that are new. */
export async function expectLosses(client: Client, targets: readonly string[]): Promise<string[]> {
  if (targets.length === 0) return [];
  const { rows } = await client.query<{ target: string }>(
    `insert into guarded_targets (guard, target, aliases, state)
     select 'empty', t.name, (select count(*) from aliases a where a.target = t.name), 'expected'
     from unnest($1::text[]) as t (name)
     where not exists (select from guarded_targets g where g.guard = 'empty' and g.target = t.name collate "C")
     returning target`,
    [targets],
  );
  return rows.map((row) => row.target);
}

/**
 * How many aliases lose all addresses in one incident: those of these targets, those lost before within the window, and those on the way.
 * While anything is held the window doesn't move on: waiting alone releases nothing.
 */
export async function countLosses(
  client: Asked,
  losses: readonly { name: string; before: { answered: boolean } }[],
  guards: GuardPolicy,
): Promise<Counted> {
  const { rows } = await client.query<{ target: string; aliases: number; others: string }>(
    `with cut as (
       select coalesce(min(at) filter (where state = 'held'), clock_timestamp()) - make_interval(secs => $3) as at
       from guarded_targets where guard = 'empty'),
     others as (
       select coalesce(sum(g.aliases), 0) + ${ownLosses(guards)} as others from guarded_targets g, cut
       where g.guard = 'empty' and g.target <> all ($1::text[]) and (g.state <> 'done' or g.at > cut.at))
     -- while a target was never answered, its aliases may publish what stood there before, or nothing
     select t.name as target, others.others, ((
       select count(*) from aliases a where a.target = t.name and (t.answered or exists (
         select from transfer_records r where r.zone_id = a.zone_id and r.owner = a.owner and r.source_record_id = a.record_id))
       ) - (select count(*) from alias_overrides o where o.target = t.name collate "C"))::integer as aliases
     from unnest($1::text[], $2::boolean[]) as t (name, answered), others`,
    [losses.map(({ name }) => name), losses.map(({ before }) => before.answered), guards.emptyWindow / 1000],
  );
  return weigh(client, guards, 'empty', rows, sum(rows));
}

/** ALIAS records that our own records answer with nothing: those on the way to lose their addresses or held, and those that lost them since `cut.at`. */
function ownLosses(guards: GuardPolicy): string {
  return `(select count(*) from aliases a where ${isLosing(guards)} and a.recheck_at is not null or a.withdrawn_at > (select at from cut))`;
}

/** The condition that an ALIAS `a`, which our own records answer with nothing, loses its addresses when its time comes. */
export function isLosing({ staleLoses }: GuardPolicy): string {
  return staleLoses
    ? '(a.denied_since is not null or a.failing_since is not null)'
    : 'a.denied_since is not null';
}

/** The same from the side of those records: how many lose all addresses in one incident, those whose targets lie elsewhere among them. */
export async function countOwnLosses(client: Asked, guards: GuardPolicy, now: number): Promise<Counted> {
  const { rows } = await client.query<{ concerned: string }>(
    `with cut as (
       select least((select min(at) from guarded_targets where guard = 'empty' and state = 'held'),
         (select min(guarded_at) from aliases where guard = 'empty'), to_timestamp($2::float8 / 1000)) - make_interval(secs => $1) as at)
     select ${ownLosses(guards)} + (select coalesce(sum(g.aliases), 0) from guarded_targets g, cut
       where g.guard = 'empty' and (g.state <> 'done' or g.at > cut.at)) as concerned`,
    [guards.emptyWindow / 1000, now],
  );
  return weigh(client, guards, 'empty', [], Number(rows[0]?.concerned));
}

/** How many aliases change at once: those of these targets, and those changed or held within the window. */
export async function countChanges(
  client: Asked,
  targets: readonly string[],
  guards: GuardPolicy,
): Promise<Counted & { near: boolean }> {
  const { rows } = await client.query<{ target: string; aliases: number; others: string }>({
    name: 'count changes',
    text: `select t.name as target, (select count(*) from aliases a where a.target = t.name)::integer as aliases, o.others
      from unnest($1::text[]) as t (name), (
        select coalesce(sum(aliases), 0) as others from guarded_targets
        where guard = 'change' and target <> all ($1::text[]) and (state = 'held' or at > clock_timestamp() - make_interval(secs => $2))
      ) as o`,
    values: [targets, guards.changeWindow / 1000],
  });
  const counted = await weigh(client, guards, 'change', rows, sum(rows));
  const near = counted.tooMany || isTooMany(counted.concerned, counted.total, guards.change / 2);
  return { ...counted, near };
}

function sum(rows: readonly { aliases: number; others: string }[]): number {
  return rows.reduce((aliases, row) => aliases + row.aliases, Number(rows[0]?.others ?? 0));
}

/** That there are so many aliases at least was seen at that time, in milliseconds of this process. */
const seen = new WeakMap<GuardPolicy, { aliases: number; at: number }>();
const SEEN_FOR = 10_000;

/** All aliases are counted no farther than is needed to see that they are enough; where they are not, the number is exact. */
async function weigh(
  client: Asked,
  guards: GuardPolicy,
  guard: GuardNumbers['guard'],
  mine: readonly { target: string; aliases: number }[],
  concerned: number,
): Promise<Counted> {
  const limit = guards[guard];
  const aliases = new Map(mine.map((row) => [row.target, row.aliases]));
  const few = { guard, concerned, total: 0, limit, tooMany: false, aliases };
  if (concerned < LEAST_CONCERNED) return few;
  const known = seen.get(guards);
  const isFresh = known && performance.now() - known.at < SEEN_FOR;
  if (guard === 'change' && isFresh && !isTooMany(concerned, known.aliases, limit / 2))
    return { ...few, total: known.aliases };
  // twice as far, for the next ones
  const enough = 2 * enoughFor(concerned, limit / 2);
  const { rows } = await client.query<{ total: string }>({
    name: 'count aliases',
    text: 'select count(*) as total from (select from aliases limit $1::bigint) as counted',
    values: [Number.isFinite(enough) ? enough : null],
  });
  const total = Number(rows[0]?.total);
  seen.set(guards, { aliases: total, at: performance.now() });
  return { ...few, total, tooMany: isTooMany(concerned, total, limit) };
}

/** Writes what became of these targets; since when, where that is new. */
export async function settleRows(
  client: Client,
  targets: readonly string[],
  state: 'held' | 'done',
  { guard, concerned, total, limit, aliases }: Counted,
): Promise<void> {
  if (targets.length === 0) return;
  const numbers = state === 'held' ? [concerned, total, limit] : [null, null, null];
  await client.query({
    name: 'settle guarded targets',
    text: `insert into guarded_targets as g (guard, target, aliases, state, concerned, total, percent)
      select $1, t.name, t.aliases, $2, $3, $4, $5 from unnest($6::text[], $7::integer[]) as t (name, aliases) order by t.name
      on conflict (guard, target) do update set aliases = excluded.aliases, state = excluded.state, concerned = excluded.concerned,
        total = excluded.total, percent = excluded.percent,
        at = case when g.state = excluded.state and g.state = 'held' then g.at else excluded.at end`,
    values: [guard, state, ...numbers, targets, targets.map((name) => aliases.get(name) ?? 0)],
  });
}

/** Notes which of these targets stand in the tables of guards: looks at all others need not ask them. */
export async function noteGuarded(client: Client, targets: readonly string[]): Promise<void> {
  if (targets.length === 0) return;
  await client.query(
    `update alias_targets t set guarded = n.guarded from (
       select name, exists (select from guarded_targets g where g.target = names.name collate "C" and (g.guard = 'empty' or g.state = 'held'))
         or exists (select from alias_overrides o where o.target = names.name collate "C") as guarded
       from unnest($1::text[]) as names (name)) as n
     where t.name = n.name collate "C" and t.guarded <> n.guarded`,
    [targets],
  );
}

/** What is too old to count, and what is left of aliases that are gone or follow another target. */
export async function tidyGuards(pool: Pool, guards: GuardPolicy): Promise<void> {
  await pool.query(
    `delete from guarded_targets where state = 'done' and at < now() - make_interval(secs => $1)
       and (guard = 'change' or not exists (select from guarded_targets where guard = 'empty' and state = 'held'))`,
    [Math.max(guards.emptyWindow, guards.changeWindow) / 1000],
  );
  await pool.query(
    `delete from alias_overrides o where not exists (
       select from aliases a where a.record_id = o.record_id and a.target = o.target)`,
  );
}
