import { type Change, changeId } from '../../trace.ts';
import { answerOf, readState } from '../../zone/alias/state.ts';
import type { AliasOptions, PublishedRecord, SourceRecord, TargetAnswer } from '../../zone/record.ts';
import type { SerialPolicy } from '../../zone/serial-policy.ts';
import type { SoaColumns } from '../../zone/soa.ts';
import { aliasOptions } from '../alias-options.ts';
import type { Client, Pool } from '../pool.ts';
import { waitsForFloor } from './floor.ts';

/** A zone locked for this transaction, as its row has it. */
export interface LockedZone extends SoaColumns {
  id: string;
  name: string;
  serial: number;
  serialPinned: boolean;
  serialPolicy: SerialPolicy | null;
  soaTtl: number;
  publishedSerial: number | undefined;
  publishedSoa: Buffer | undefined;
  publishedSoaTtl: number;
  recordCount: number;
  stale: boolean;
  problem: string | null;
  /** Made of the zones that its secondaries may have, instead of `records` (see catalog.ts). */
  catalog: boolean;
}

/** Another server took over, which may lack what the one before had committed. */
export class OtherTimeline extends Error {
  readonly timeline: string;

  constructor(timeline: string) {
    super('another PostgreSQL took over');
    this.name = 'OtherTimeline';
    this.timeline = timeline;
  }
}

export interface Mark {
  zoneId: string;
  /** The name that was edited; empty: the SOA; null: the whole zone. */
  owner: string | null;
  /** Why, as JSON: see src/zone/cause.ts. */
  cause: string | null;
  /** Whether an ALIAS's target moved; else somebody edited. */
  moved: boolean;
  /** By what it is followed; null for marks of before there were such ids. */
  change: Change | null;
}

/** Ids of zones with marks: those that are to be read whole, or in large part, take their time. */
export interface MarkedZones {
  small: string[];
  large: string[];
}

/** An index holds these marks, so the words have to be the same. */
const IS_EDIT = `(cause ->> 'by') is distinct from 'alias'`;

/**
 * Zones to publish next, at most `limit`. However many zones a target that moves or one client marks, the others don't wait behind
 * them: some places are for the newest edits, up to half for the oldest ones, the rest for the oldest marks of any kind.
 */
export async function markedZones(
  pool: Pool,
  limit: number,
  passed: readonly string[],
): Promise<MarkedZones> {
  const { rows } = await pool.query<{ zone_id: string; large: boolean }>(
    `select zone_id, bool_or(owner is null) or count(distinct id) > $1::integer as large
     from (
       (select 1 as turn, id, zone_id, owner from zone_marks where ${IS_EDIT} and zone_id <> all ($2::bigint[]) order by id desc limit $1::integer / 10 + 1)
       union all
       (select 2, id, zone_id, owner from zone_marks where ${IS_EDIT} and zone_id <> all ($2::bigint[]) order by id limit $1::integer / 2 + 1)
       union all
       (select 3, id, zone_id, owner from zone_marks m where zone_id <> all ($2::bigint[]) and not ${waitsForFloor('m')} order by id limit $1::integer * 4)
     ) as next
     group by zone_id order by min(turn), min(id) limit $1::integer`,
    [limit, passed],
  );
  const ids = (large: boolean) => rows.filter((row) => row.large === large).map((row) => row.zone_id);
  return { small: ids(false), large: ids(true) };
}

/**
 * Locks these zones. One that somebody else holds, a client that edits its row for an hour included, is passed by. `no key` so that
 * the foreign keys of writers never wait.
 *
 * @throws OtherTimeline where `timeline` is given, and is not the server's
 */
export async function lockZones(
  client: Client,
  zoneIds: readonly string[],
  timeline: string | undefined,
): Promise<LockedZone[]> {
  const { rows } = await client.query(
    `select id, name, primary_ns, contact, serial, serial_pinned, serial_policy, refresh, retry, expire, minimum, soa_ttl,
       published_serial, published_soa, published_soa_ttl, record_count, stale, problem, catalog, (select zoneferry_timeline()) as timeline
     from zones where id = any ($1::bigint[]) order by id for no key update skip locked`,
    [zoneIds],
  );
  const now: string | undefined = rows[0]?.timeline ?? undefined;
  if (now !== undefined && timeline !== undefined && now !== timeline) throw new OtherTimeline(now);
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    primaryNs: row.primary_ns,
    contact: row.contact,
    serial: Number(row.serial),
    serialPinned: row.serial_pinned,
    serialPolicy: row.serial_policy,
    refresh: row.refresh,
    retry: row.retry,
    expire: row.expire,
    minimum: row.minimum,
    soaTtl: row.soa_ttl,
    publishedSerial: row.published_serial === null ? undefined : Number(row.published_serial),
    publishedSoa: row.published_soa ?? undefined,
    publishedSoaTtl: row.published_soa_ttl ?? 0,
    recordCount: row.record_count,
    stale: row.stale,
    problem: row.problem,
    catalog: row.catalog,
  }));
}

/** Takes the marks of these zones; answers that wait for a floor go along with an edit, or are left. The reads that follow see the same snapshot: a transaction is seen whole or not at all. */
export async function takeMarks(client: Client, zoneIds: readonly string[]): Promise<Mark[]> {
  const { rows } = await client.query<Mark>(
    `delete from zone_marks m where zone_id = any ($1::bigint[])
       and (not ${waitsForFloor('m')} or exists (select from zone_marks e where e.zone_id = m.zone_id and (e.cause ->> 'by') is distinct from 'alias'))
     returning zone_id as "zoneId", owner, cause::text as cause, coalesce(cause ->> 'by' = 'alias', false) as moved, change`,
    [zoneIds],
  );
  return rows;
}

/** What the marks of one zone have come of. */
export interface Origin {
  /** The different causes, as JSON. */
  causes: Set<string>;
  /** The different changes, by their ids alone. */
  changes: Map<string, Change>;
}

/** What each zone's marks have come of. */
export function originsOf(marks: readonly Mark[]): Map<string, Origin> {
  const origins = new Map<string, Origin>();
  for (const { zoneId, cause, change } of marks) {
    const origin = origins.get(zoneId) ?? { causes: new Set(), changes: new Map() };
    origins.set(zoneId, origin);
    if (cause !== null) origin.causes.add(cause);
    if (change === null) continue;
    const id = changeId(change);
    if (!origin.changes.has(id)) origin.changes.set(id, change);
  }
  return origins;
}

/** Names of zones: parallel arrays, the form that `unnest` takes. */
export interface Names {
  zoneIds: string[];
  owners: string[];
  /** Where the names are all those of a zone behind `after`, up to the last of them: a range of the index is read faster than names. */
  after?: string;
}

/** Of these zones, those with so few rows that their names can be read together. */
export async function smallZones(
  client: Client,
  zoneIds: readonly string[],
  rows: number,
): Promise<Set<string>> {
  if (zoneIds.length === 0) return new Set();
  const result = await client.query<{ id: string }>(
    `select z.zone as id from unnest($1::bigint[]) as z (zone)
     where (select count(*) from (select from records r where r.zone_id = z.zone limit $2 + 1) as source) <= $2
       and (select count(*) from (select from transfer_records t where t.zone_id = z.zone limit $2 + 1) as published) <= $2`,
    [zoneIds, rows],
  );
  return new Set(result.rows.map((row) => row.id));
}

/** Every name of these zones that has source or published records. */
export async function allNames(client: Client, zoneIds: readonly string[]): Promise<Names> {
  const { rows } = await client.query<{ zone_id: string; owner: string }>(
    `select zone_id, owner from records where zone_id = any ($1::bigint[])
     union select zone_id, owner from transfer_records where zone_id = any ($1::bigint[])
     union select zone_id, owner from aliases where zone_id = any ($1::bigint[])`,
    [zoneIds],
  );
  return { zoneIds: rows.map((row) => row.zone_id), owners: rows.map((row) => row.owner) };
}

/** The next names of a zone that have source or published records, in order, after `after`. */
export async function namesAfter(
  client: Client,
  zoneId: string,
  after: string,
  limit: number,
): Promise<Names> {
  const { rows } = await client.query<{ owner: string }>(
    `select owner from (
       (select distinct owner from records where zone_id = $1::bigint and owner > $2 order by owner limit $3)
       union
       (select distinct owner from transfer_records where zone_id = $1::bigint and owner > $2 order by owner limit $3)
       union
       (select distinct owner from aliases where zone_id = $1::bigint and owner > $2 order by owner limit $3)
     ) as names order by owner limit $3`,
    [zoneId, after, limit],
  );
  return { zoneIds: rows.map(() => zoneId), owners: rows.map((row) => row.owner), after };
}

export interface ZoneSource extends SourceRecord {
  zoneId: string;
  problem: string | null;
}

/** The enabled source rows at these names. */
export async function readSources(client: Client, names: Names): Promise<ZoneSource[]> {
  const columns = `r.id, r.zone_id as "zoneId", r.owner, r.name, r.type, r.ttl, r.content, r.problem, ${aliasOptions('r')} as options`;
  const { rows } = await readAt<ZoneSource>(
    client,
    names,
    `select ${columns} from records r where r.zone_id = $1::bigint and r.owner > $2 and r.owner <= $3 and not r.disabled`,
    `select ${columns} from unnest($1::bigint[], $2::text[]) as n (zone_id, owner)
     cross join lateral (
       select * from records r where r.zone_id = n.zone_id and r.owner = n.owner collate "C" and not r.disabled offset 0
     ) as r`,
  );
  return rows.sort((a, b) => a.id.length - b.id.length || (a.id < b.id ? -1 : 1));
}

/**
 * Runs the query for a range of names where they are one, else the one for names. `offset 0` keeps that one to a look into the index
 * per name: for a few thousand names the planner would read the whole table instead (measured: 185 ms for 4).
 */
function readAt<T extends object>(client: Client, names: Names, byRange: string, byName: string) {
  return names.after === undefined
    ? client.query<T>(byName, [names.zoneIds, names.owners])
    : client.query<T>(byRange, [names.zoneIds[0], names.after, names.owners.at(-1)]);
}

export interface ZonePublished extends PublishedRecord {
  zoneId: string;
}

/** What secondaries get at these names now. */
export async function readPublished(client: Client, names: Names): Promise<ZonePublished[]> {
  const columns =
    't.id, t.zone_id as "zoneId", t.owner, t.name, t.type, t.ttl, t.content, t.rdata, t.source_record_id as "sourceRecordId"';
  const { rows } = await readAt<ZonePublished>(
    client,
    names,
    `select ${columns} from transfer_records t where t.zone_id = $1::bigint and t.owner > $2 and t.owner <= $3`,
    `select ${columns} from unnest($1::bigint[], $2::text[]) as n (zone_id, owner)
     cross join lateral (
       select * from transfer_records t where t.zone_id = n.zone_id and t.owner = n.owner collate "C" offset 0
     ) as t`,
  );
  return rows;
}

/** An ALIAS as `aliases` knows it. */
export interface KnownAlias {
  recordId: string;
  zoneId: string;
  owner: string;
  /** What resolvers are asked for; null where its way ends within our zones. */
  target: string | null;
  held: string | null;
  /** By which answers it is marked. */
  answers: AliasOptions['answers'];
  hasFallback: boolean;
  /** The names on its way; null where the target that was written is no name of ours. */
  path: string[] | null;
  /** Since when the end of a way within our zones has no addresses, and when that is looked at again. */
  deniedSince: Date | null;
  /** Since when its way leads nowhere. */
  failingSince: Date | null;
  recheckAt: Date | null;
  /** What guards say of the loss of its addresses, and by which numbers. */
  guard: 'empty' | 'apex' | 'released' | 'forced' | null;
  guardNumbers: number[] | null;
  withdrawnAt: Date | null;
}

/** What each ALIAS at these names is known to follow, by the id of its record. */
export async function readAliases(client: Client, names: Names): Promise<Map<string, KnownAlias>> {
  const columns =
    'a.record_id as "recordId", a.zone_id as "zoneId", a.owner, a.target, a.held_reason as held, a.answers, a.has_fallback as "hasFallback", a.path, a.denied_since as "deniedSince", a.failing_since as "failingSince", a.recheck_at as "recheckAt", a.guard, a.guard_numbers as "guardNumbers", a.withdrawn_at as "withdrawnAt"';
  const { rows } = await readAt<KnownAlias>(
    client,
    names,
    `select ${columns} from aliases a where a.zone_id = $1::bigint and a.owner > $2 and a.owner <= $3`,
    `select ${columns} from unnest($1::bigint[], $2::text[]) as n (zone_id, owner)
     cross join lateral (select * from aliases a where a.zone_id = n.zone_id and a.owner = n.owner collate "C" offset 0) as a`,
  );
  return new Map(rows.map((row) => [row.recordId, row]));
}

/** What is known of these targets, by key; `guarded`: single aliases may be set apart from it. */
export async function readAnswers(
  client: Client,
  targets: readonly string[],
): Promise<{ answers: Map<string, TargetAnswer>; guarded: Set<string> }> {
  if (targets.length === 0) return { answers: new Map(), guarded: new Set() };
  const { rows } = await client.query<{ name: string; state: object; guarded: boolean }>(
    // what was remembered of past looks says nothing here
    `select name, state - 'evidence' as state, guarded from alias_targets where name = any ($1::text[])`,
    [targets],
  );
  return {
    answers: new Map(rows.map((row) => [row.name, answerOf(readState(row.state))])),
    guarded: new Set(rows.flatMap((row) => (row.guarded ? row.name : []))),
  };
}

/** The apex NS rows of these zones: without one that can be encoded, a zone is not publishable. */
export async function readApexServers(
  client: Client,
  zoneIds: readonly string[],
): Promise<{ zoneId: string; content: string }[]> {
  if (zoneIds.length === 0) return [];
  const { rows } = await client.query(
    `select z.id, r.content from zones z
     join records r on r.zone_id = z.id and r.owner = z.name collate "C" and r.type = 'NS' and not r.disabled
     where z.id = any ($1::bigint[])`,
    [zoneIds],
  );
  return rows.map((row) => ({ zoneId: row.id, content: row.content }));
}
