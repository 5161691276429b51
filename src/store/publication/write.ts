import { changeId } from '../../trace.ts';
import type { ServedRecord } from '../../zone/record.ts';
import type { Client } from '../pool.ts';
import type { Advance } from './advance.ts';
import type { KnownAlias, Names } from './read.ts';

/** What is kept of zones that are deleted goes by the mark that each left. Gives those of these ids that no zone has any more. */
export async function forgetGone(client: Client, zoneIds: readonly string[]): Promise<string[]> {
  if (zoneIds.length === 0) return [];
  const { rows } = await client.query<{ id: string }>(
    'select g.id from unnest($1::bigint[]) as g (id) where not exists (select from zones z where z.id = g.id)',
    [zoneIds],
  );
  const gone = rows.map((row) => row.id);
  if (gone.length === 0) return [];
  await client.query('delete from notifications where zone_id = any ($1::bigint[])', [gone]);
  await client.query('delete from zone_news where zone_id = any ($1::bigint[])', [gone]);
  await client.query('delete from zone_marks where zone_id = any ($1::bigint[])', [gone]);
  await client.query('delete from record_history where zone_id = any ($1::bigint[])', [gone]);
  return gone;
}

export interface AddedRecord extends ServedRecord {
  zoneId: string;
}

export async function deleteStaleRows(client: Client, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await client.query('delete from transfer_records where id = any ($1::bigint[])', [ids]);
}

export async function insertNewRows(client: Client, records: readonly AddedRecord[]): Promise<void> {
  if (records.length === 0) return;
  await client.query(
    `insert into transfer_records (zone_id, owner, name, type, ttl, content, rdata, source_record_id)
     select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::bytea[], $8::bigint[])`,
    [
      records.map((record) => record.zoneId),
      records.map((record) => record.owner),
      records.map((record) => record.name),
      records.map((record) => record.type),
      records.map((record) => record.ttl),
      records.map((record) => record.content),
      records.map((record) => record.rdata),
      records.map((record) => record.sourceRecordId),
    ],
  );
}

/** A row of `records` may be replaced by another that says the same: no change to secondaries, but the row's origin follows. */
export async function linkSources(
  client: Client,
  links: readonly { id: string; sourceRecordId: string | null }[],
): Promise<void> {
  if (links.length === 0) return;
  await client.query(
    `update transfer_records t set source_record_id = l.source_record_id
     from unnest($1::bigint[], $2::bigint[]) as l (id, source_record_id) where t.id = l.id`,
    [links.map((link) => link.id), links.map((link) => link.sourceRecordId)],
  );
}

export async function advanceZones(client: Client, advances: readonly Advance[]): Promise<void> {
  await client.query(
    `update zones set serial = a.serial, serial_pinned = false, published_serial = a.serial, published_soa = a.soa,
       published_soa_ttl = a.soa_ttl, published_change = a.change, published_at = clock_timestamp(), record_count = a.record_count, stale = false, problem = null
     from unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::integer[], $5::integer[], $6::uuid[]) as a (zone_id, serial, soa, soa_ttl, record_count, change)
     where zones.id = a.zone_id`,
    [
      advances.map((advance) => advance.zoneId),
      advances.map((advance) => advance.serial),
      advances.map((advance) => advance.soa),
      advances.map((advance) => advance.soaTtl),
      advances.map((advance) => advance.recordCount),
      advances.map((advance) => changeId(advance.change)),
    ],
  );
}

/**
 * Which ALIAS stands at these names and what it follows, beside what was `known` of them; a target that is new here is due at once.
 * Where a target moves nothing of that changes, and nothing is written.
 */
export async function rememberAliases(
  client: Client,
  known: ReadonlyMap<string, KnownAlias>,
  aliases: readonly KnownAlias[],
): Promise<{ newTargets: boolean }> {
  const present = new Set(aliases.map((alias) => alias.recordId));
  const gone = [...known.values()].filter((alias) => !present.has(alias.recordId));
  if (gone.length > 0)
    await client.query(
      `delete from aliases a using unnest($1::bigint[], $2::bigint[], $3::text[]) as g (record_id, zone_id, owner)
       where a.record_id = g.record_id and a.zone_id = g.zone_id and a.owner = g.owner collate "C"`,
      [
        gone.map((alias) => alias.recordId),
        gone.map((alias) => alias.zoneId),
        gone.map((alias) => alias.owner),
      ],
    );
  const changed = aliases.filter((alias) => !isAsKnown(alias, known.get(alias.recordId)));
  if (changed.length === 0) return { newTargets: false };
  await client.query(
    `insert into aliases as old (record_id, zone_id, owner, target, held_reason, held_since, answers, has_fallback, path, denied_since, recheck_at,
       failing_since, guard, guarded_at, guard_numbers, withdrawn_at)
     select record_id, zone_id, owner, target, held, case when held is not null then now() end, answers, has_fallback, string_to_array(path, ' '),
       denied_since, recheck_at, failing_since, guard, null, string_to_array(guard_numbers, ' ')::integer[], withdrawn_at
     from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::text[], $9::timestamptz[], $10::timestamptz[],
       $11::timestamptz[], $12::text[], $13::text[], $14::timestamptz[])
       as a (record_id, zone_id, owner, target, held, answers, has_fallback, path, denied_since, recheck_at, failing_since, guard, guard_numbers, withdrawn_at)
     on conflict (record_id) do update set zone_id = excluded.zone_id, owner = excluded.owner, target = excluded.target,
       answers = excluded.answers, has_fallback = excluded.has_fallback, held_reason = excluded.held_reason,
       path = excluded.path, denied_since = excluded.denied_since, recheck_at = excluded.recheck_at, failing_since = excluded.failing_since,
       guard = excluded.guard, guarded_at = case when excluded.guard is not null then old.guarded_at end, guard_numbers = excluded.guard_numbers,
       withdrawn_at = excluded.withdrawn_at,
       held_since = case when excluded.held_reason is not null then coalesce(old.held_since, excluded.held_since) end`,
    [
      changed.map((alias) => alias.recordId),
      changed.map((alias) => alias.zoneId),
      changed.map((alias) => alias.owner),
      changed.map((alias) => alias.target),
      changed.map((alias) => alias.held),
      changed.map((alias) => alias.answers),
      changed.map((alias) => alias.hasFallback),
      // no canonical name holds a space
      changed.map((alias) => alias.path?.join(' ') ?? null),
      changed.map((alias) => alias.deniedSince),
      changed.map((alias) => alias.recheckAt),
      changed.map((alias) => alias.failingSince),
      changed.map((alias) => alias.guard),
      changed.map((alias) => alias.guardNumbers?.join(' ') ?? null),
      changed.map((alias) => alias.withdrawnAt),
    ],
  );
  // a target that was followed before has its row, and looks write it all the time: to touch it here would be to lose to them
  const followed = changed.flatMap(({ recordId, target }) =>
    target === null || target === undefined || known.get(recordId)?.target === target ? [] : target,
  );
  if (followed.length === 0) return { newTargets: false };
  const targets = [...new Set(followed)].sort();
  const { rowCount } = await client.query(
    'insert into alias_targets (name) select name from unnest($1::text[]) as name on conflict (name) do nothing',
    [targets],
  );
  return { newTargets: (rowCount ?? 0) > 0 };
}

function isAsKnown(alias: KnownAlias, known: KnownAlias | undefined): boolean {
  return (
    known !== undefined &&
    known.zoneId === alias.zoneId &&
    known.owner === alias.owner &&
    known.target === alias.target &&
    known.held === alias.held &&
    known.answers === alias.answers &&
    known.hasFallback === alias.hasFallback &&
    known.path?.join() === alias.path?.join() &&
    known.deniedSince?.getTime() === alias.deniedSince?.getTime() &&
    known.failingSince?.getTime() === alias.failingSince?.getTime() &&
    known.recheckAt?.getTime() === alias.recheckAt?.getTime() &&
    known.guard === alias.guard &&
    known.guardNumbers?.join() === alias.guardNumbers?.join() &&
    known.withdrawnAt?.getTime() === alias.withdrawnAt?.getTime()
  );
}

/** Why a row is not served; null takes an old reason away. A row that a client holds is passed by: gives the ids of those written. */
export async function writeProblems(
  client: Client,
  problems: readonly { id: string; problem: string | null }[],
): Promise<Set<string>> {
  if (problems.length === 0) return new Set();
  const { rows } = await client.query<{ id: string }>(
    `update records set problem = p.problem from unnest($1::bigint[], $2::text[]) as p (id, problem)
     where records.id = p.id and records.id in (select id from records where id = any ($1::bigint[]) for no key update skip locked)
     returning records.id`,
    [problems.map((row) => row.id), problems.map((row) => row.problem)],
  );
  return new Set(rows.map((row) => row.id));
}

/** Marks names again that could not be done with. */
export async function markAgain(client: Client, names: Names): Promise<void> {
  if (names.owners.length === 0) return;
  await client.query(
    'insert into zone_marks (zone_id, owner) select * from unnest($1::bigint[], $2::text[])',
    [names.zoneIds, names.owners],
  );
}

export async function hint(client: Client, channels: readonly string[]): Promise<void> {
  for (const channel of channels) await client.query(`select pg_notify($1, '')`, [`zoneferry_${channel}`]);
}
