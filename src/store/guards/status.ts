import { apexSentence, type GuardNumbers, guardSentence } from '../../zone/guard.ts';
import type { Pool } from '../pool.ts';

/** A guard that holds something now. */
export interface GuardStatus {
  guard: 'empty' | 'change' | 'apex';
  /** One line, with the numbers and what to do. */
  message: string;
  since: Date;
  /** What is held. */
  targets: number;
  aliases: number;
  /** The numbers that it held by last: so many of all aliases, and the limit in percent; null: it goes by no numbers. */
  concerned: number | null;
  total: number | null;
  limit: number | null;
  /** Some of the zones concerned. */
  zones: string[];
}

const ZONES_SHOWN = 5;

interface Row {
  guard: GuardStatus['guard'];
  since: Date;
  targets: string;
  aliases: string;
  concerned: number | null;
  total: number | null;
  percent: number | null;
  zones: string[];
}

/** The zones that the guard `$1` holds something of. */
const ZONES_HELD = `select a.zone_id from guarded_targets t join aliases a on a.target = t.target where t.guard = $1::text and t.state = 'held'
  union select o.zone_id from alias_overrides o where $1::text = 'apex' and o.kind = 'apex'
  union select a.zone_id from aliases a where a.guard = $1::text`;

/** Names of the zones that a guard holds something of, in order; at most `limit`. */
export async function zonesHeld(pool: Pool, guard: GuardStatus['guard'], limit: number): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `select z.name from zones z where z.id in (${ZONES_HELD}) order by z.name limit $2::bigint`,
    [guard, limit],
  );
  return rows.map((row) => row.name);
}

/** The guards that hold something now. */
export async function readGuards(pool: Pool): Promise<GuardStatus[]> {
  const { rows } = await pool.query<Row>(
    `with held as (
       select guard, at, target, aliases, concerned, total, percent from guarded_targets where state = 'held'
       union all
       select 'apex', at, target, 1, null, null, null from alias_overrides where kind = 'apex'
       union all
       -- of our own targets
       select guard, guarded_at, path[1], 1, guard_numbers[1], guard_numbers[2], guard_numbers[3] from aliases where guard in ('empty', 'apex'))
     select guard, min(at) as since, count(distinct target) as targets, sum(aliases) as aliases, max(concerned) as concerned, max(total) as total,
       max(percent) as percent, array(
         select distinct z.name from (${ZONES_HELD.replaceAll('$1::text', 'h.guard')} limit 1000) as s join zones z on z.id = s.zone_id
         order by z.name limit ${ZONES_SHOWN}) as zones
     from held h group by guard order by guard`,
  );
  return rows.map((row) => ({
    guard: row.guard,
    message: messageOf(row),
    since: row.since,
    targets: Number(row.targets),
    aliases: Number(row.aliases),
    concerned: row.concerned,
    total: row.total,
    limit: row.percent,
    zones: row.zones,
  }));
}

/** How many aliases each guard holds now. */
export async function countHeld(pool: Pool): Promise<Record<GuardStatus['guard'], number>> {
  const { rows } = await pool.query<{ guard: GuardStatus['guard']; aliases: string }>(
    `select guard, sum(aliases) as aliases from (
       select guard, aliases from guarded_targets where state = 'held'
       union all select 'apex', count(*) from alias_overrides where kind = 'apex'
       union all select guard, count(*) from aliases where guard in ('empty', 'apex') group by guard) as held group by guard`,
  );
  const counts = Object.fromEntries(rows.map((row) => [row.guard, Number(row.aliases)]));
  return { empty: 0, change: 0, apex: 0, ...counts };
}

/** Columns of a row of `guarded_targets` that is held, where there is one. */
export interface HeldColumns {
  zone: string;
  guard: 'empty' | 'change' | null;
  concerned: number;
  all_aliases: number;
  percent: number;
}

/** Those columns, beside a target of this alias `a`. */
export const HELD_COLUMNS = 'g.guard, g.at as guarded_at, g.concerned, g.total as all_aliases, g.percent';
export const JOIN_HELD = `left join lateral (
  select * from guarded_targets where target = a.target and state = 'held' order by at limit 1) g on true`;

/** Why an ALIAS of that zone is held by a guard; undefined: it is not. */
export function guardReason({
  zone,
  guard,
  concerned,
  all_aliases,
  percent,
}: HeldColumns): string | undefined {
  return guard ? guardSentence({ guard, concerned, total: all_aliases, limit: percent }, zone) : undefined;
}

function messageOf({ guard, aliases, concerned, total, percent }: Row): string {
  if (guard === 'apex') return apexSentence(Number(aliases));
  const numbers: GuardNumbers = {
    guard,
    concerned: concerned ?? 0,
    total: total ?? 0,
    limit: percent ?? 0,
  };
  return guardSentence(numbers);
}
