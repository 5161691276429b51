import type { Decision } from '../../zone/alias/decide.ts';
import { answerOf, type TargetState } from '../../zone/alias/state.ts';
import { apexReason, hasAddresses, type Override } from '../../zone/guard.ts';
import type { TargetAnswer } from '../../zone/record.ts';
import type { Client, Pool } from '../pool.ts';

/** A name of a zone that publishes something else now, and the target that its ALIAS follows. */
export interface Owner {
  zoneId: string;
  owner: string;
  target: string;
}

interface OwnerRow {
  zone_id: string;
  owner: string;
  target: string;
}

/** What a forced look comes to for the aliases of these zones alone. */
export interface Forced {
  name: string;
  zoneIds: readonly string[];
  /** What they are to publish, and what all others do. */
  forced: TargetAnswer;
  other: TargetAnswer;
}

/**
 * Has the aliases of the zones named publish what a forced look found, where that is another answer than the target's own; else whatever
 * set them apart goes. Gives the names that publish something else now.
 */
export async function forceAliases(client: Client, looks: readonly Forced[]): Promise<Owner[]> {
  const owners: Owner[] = [];
  for (const { name, zoneIds, forced, other } of looks) {
    const { rows } = isSameAnswer(forced, other)
      ? await client.query<OwnerRow>(
          'delete from alias_overrides where target = $1 and zone_id = any ($2::bigint[]) returning zone_id, owner, target',
          [name, zoneIds],
        )
      : await client.query<OwnerRow>(
          `insert into alias_overrides as o (record_id, zone_id, owner, target, kind, answer)
           select record_id, zone_id, owner, target, 'forced', $3::jsonb from aliases
           where target = $1 and zone_id = any ($2::bigint[]) order by record_id
           on conflict (record_id) do update set zone_id = excluded.zone_id, owner = excluded.owner, target = excluded.target,
             kind = excluded.kind, answer = excluded.answer, at = excluded.at
           where (o.target, o.kind, o.answer) is distinct from (excluded.target, excluded.kind, excluded.answer)
           returning zone_id, owner, target`,
          [name, zoneIds, JSON.stringify(forced)],
        );
    owners.push(...rows.map(toOwner));
  }
  return owners;
}

/** Has the aliases of zones' own names keep the last addresses of targets that have none any more; but for those that were forced. */
export async function keepAtApex(
  client: Client,
  emptied: readonly { name: string; before: TargetState }[],
): Promise<void> {
  if (emptied.length === 0) return;
  await client.query(
    `insert into alias_overrides (record_id, zone_id, owner, target, kind, answer)
     select a.record_id, a.zone_id, a.owner, a.target, 'apex', t.answer
     from unnest($1::text[], $2::jsonb[]) as t (name, answer)
     join aliases a on a.target = t.name collate "C"
     join zones z on z.id = a.zone_id and z.name collate "C" = a.owner
     order by a.record_id on conflict (record_id) do nothing`,
    [emptied.map(({ name }) => name), emptied.map(({ before }) => JSON.stringify(answerOf(before)))],
  );
}

/** Ends what sets aliases apart from their targets, by the rule of `endsOverride`. Gives the names that publish something else now. */
export async function endOverrides(
  client: Client,
  looks: readonly { name: string; decision: Decision }[],
): Promise<Owner[]> {
  if (looks.length === 0) return [];
  const states = looks.map(({ decision }) => decision.state);
  const { rows } = await client.query<OwnerRow>(
    `delete from alias_overrides o
     using unnest($1::text[], $2::boolean[], $3::boolean[], $4::boolean[], $5::boolean[]) as t (name, changed, filled, a, aaaa)
     where o.target = t.name collate "C" and case o.kind
       when 'apex' then t.filled
       else t.changed and (t.filled or o.answer -> 'a' -> 'addresses' <> '[]' or o.answer -> 'aaaa' -> 'addresses' <> '[]')
         or t.a and o.answer -> 'a' -> 'addresses' = '[]' or t.aaaa and o.answer -> 'aaaa' -> 'addresses' = '[]' end
     returning o.zone_id, o.owner, o.target`,
    [
      looks.map(({ name }) => name),
      looks.map(({ decision }) => decision.changed),
      states.map((state) => hasAddresses(answerOf(state))),
      states.map((state) => state.a.last === 'found'),
      states.map((state) => state.aaaa.last === 'found'),
    ],
  );
  return rows.map(toOwner);
}

/** An ALIAS that is set apart from its target. */
export interface AliasOverride extends Override {
  target: string;
}

interface OverrideRow {
  record_id: string;
  owner: string;
  target: string;
  kind: Override['kind'];
  answer: TargetAnswer;
}

/** What sets these aliases apart from their targets, by the id of the record. */
export async function readOverrides(
  client: Client,
  recordIds: readonly string[],
): Promise<Map<string, AliasOverride>> {
  if (recordIds.length === 0) return new Map();
  const { rows } = await client.query<OverrideRow>(
    'select record_id, owner, target, kind, answer from alias_overrides where record_id = any ($1::bigint[])',
    [recordIds],
  );
  return toOverrides(rows);
}

/** The same of all aliases of these zones, or of all zones. */
export async function readZoneOverrides(
  pool: Pool,
  zoneIds: readonly string[] | undefined,
): Promise<Map<string, AliasOverride>> {
  const { rows } = await pool.query<OverrideRow>(
    `select record_id, owner, target, kind, answer from alias_overrides where $1::bigint[] is null or zone_id = any ($1::bigint[])`,
    [zoneIds ?? null],
  );
  return toOverrides(rows);
}

const FORCED =
  "forced: what the last `zoneferry resync ZONE --force` found is published, until the target's own answer moves on";

function toOverrides(rows: readonly OverrideRow[]): Map<string, AliasOverride> {
  return new Map(
    rows.map(({ record_id, owner, target, kind, answer }) => [
      record_id,
      { target, kind, answer: { ...answer, held: kind === 'apex' ? apexReason(owner) : FORCED } },
    ]),
  );
}

/** The aliases of these targets at zones' own names, by id, with those names. */
export async function apexAliases(pool: Pool, targets: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await pool.query<{ record_id: string; owner: string }>(
    `select a.record_id, a.owner from aliases a join zones z on z.id = a.zone_id and z.name collate "C" = a.owner
     where a.target = any ($1::text[])`,
    [targets],
  );
  return new Map(rows.map((row) => [row.record_id, row.owner]));
}

function toOwner({ zone_id, owner, target }: OwnerRow): Owner {
  return { zoneId: zone_id, owner, target };
}

function isSameAnswer(a: TargetAnswer, b: TargetAnswer): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
