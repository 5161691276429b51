import { formatName } from '../../dns/name.ts';
import { decodeSoa } from '../../dns/rdata/index.ts';
import { soaDiffers, soaRdata } from '../../zone/soa.ts';
import { writeSoa } from '../import.ts';
import type { Client, Pool } from '../pool.ts';
import { inTransaction } from '../transaction.ts';
import { oldestSerial, readSteps } from './chain.ts';

/** A row of `records`, as a rollback takes it away or brings it back. */
export interface SourceLine {
  name: string;
  type: string;
  ttl: number;
  content: string;
  disabled: boolean;
}

/** What a rollback changes in the source; a row that changes is in both lists. At most `SHOWN` of each are listed. */
export interface RollbackPlan {
  kind: 'planned';
  zoneId: string;
  /** The serial that the zone had, whose source comes back. */
  to: number;
  /** The published serial before. */
  from: number;
  removed: number;
  restored: number;
  soaChanges: boolean;
  removedRows: SourceLine[];
  restoredRows: SourceLine[];
}

/**
 * `history-gone`: the journal doesn't reach that serial from the published one; `oldest` is what it reaches. `source-unknown`: it does,
 * but the source of then was not kept yet.
 */
export type Rollback =
  | RollbackPlan
  | { kind: 'no-zone' | 'catalog' | 'source-unknown' | 'unpublished' }
  | { kind: 'history-gone'; oldest: number };

/** Why a zone can't go back to a serial, in words. */
export function whyNoRollback(name: string, to: number, refused: Exclude<Rollback, RollbackPlan>): string {
  switch (refused.kind) {
    case 'no-zone':
      return `no zone ${name}`;
    case 'catalog':
      return `zone ${name} is a catalog, made of the zones that its secondaries may have: there is no source to go back to`;
    case 'unpublished':
      return `zone ${name} has no published version to go back from`;
    case 'source-unknown':
      return `the source of zone ${name} at serial ${to} was not kept: that version is from before zoneferry kept it`;
    case 'history-gone':
      return historyGone(name, to, refused.oldest);
  }
}

/** A serial that the journal doesn't reach. */
export function historyGone(name: string, serial: number, oldest: number | undefined): string {
  return `the journal of zone ${name} does not reach serial ${serial}: ${
    oldest === undefined ? 'it holds no change yet' : `it goes back to serial ${oldest}`
  } (zoneferry zone history ${name})`;
}

/** Rows of a plan that are listed, of each kind. */
export const SHOWN = 1_000;

/**
 * Makes the source of a zone what it was when a serial was published: `records`, an ALIAS among them as ALIAS, and the columns of the
 * SOA. The publisher makes a version of it, under a new serial. With `dryRun` nothing is written.
 */
export async function rollBack(
  db: Pool | Client,
  name: string,
  to: number,
  { dryRun = false } = {},
): Promise<Rollback> {
  return inTransaction(db, async (client) => {
    const zone = await readForRollback(client, name, dryRun);
    if (!zone) return { kind: 'no-zone' };
    if (zone.catalog) return { kind: 'catalog' };
    if (!zone.soa) return { kind: 'unpublished' };
    const { published } = zone;
    const steps = await readSteps(client, zone.id, { until: to });
    const oldest = steps.at(-1);
    if (to !== published && oldest?.from !== to)
      return { kind: 'history-gone', oldest: (await oldestSerial(client, zone.id)) ?? published };
    if (steps.some((step) => !step.sourceKnown)) return { kind: 'source-unknown' };
    await gatherPast(
      client,
      zone.id,
      steps.map((step) => step.to),
    );
    const plan = await readPlan(client, zone.id);
    const soa = oldest ? { rdata: oldest.oldSoa, ttl: oldest.oldSoaTtl } : zone.soa;
    const soaChanges = soaDiffers(soa.rdata, soaRdata(zone.now, 1)) || soa.ttl !== zone.now.soaTtl;
    if (!dryRun) {
      await restore(client, zone.id);
      if (soaChanges) await writeSoa(client, zone.id, { ...soaColumns(soa.rdata), soaTtl: soa.ttl });
    }
    await client.query('drop table rollback_past');
    return { kind: 'planned', zoneId: zone.id, to, from: published, ...plan, soaChanges };
  });
}

/** The zone, which the publisher passes by until we are done, with the SOA that is published and the one that its columns make now. */
async function readForRollback(client: Client, name: string, dryRun: boolean) {
  const { rows } = await client.query(
    `select id, catalog, published_serial, published_soa, published_soa_ttl, primary_ns, contact, refresh, retry, expire, minimum, soa_ttl
     from zones where name = $1 ${dryRun ? '' : 'for no key update'}`,
    [name],
  );
  const [row] = rows;
  if (!row) return undefined;
  const { refresh, retry, expire, minimum } = row;
  return {
    id: row.id as string,
    catalog: row.catalog as boolean,
    published: Number(row.published_serial),
    soa: row.published_soa
      ? { rdata: row.published_soa as Buffer, ttl: row.published_soa_ttl as number }
      : undefined,
    now: {
      primaryNs: row.primary_ns,
      contact: row.contact,
      refresh,
      retry,
      expire,
      minimum,
      soaTtl: row.soa_ttl,
    },
  };
}

function soaColumns(rdata: Buffer) {
  const { mname, rname, serial: _, ...times } = decodeSoa(rdata);
  return { primaryNs: formatName(mname), contact: formatName(rname), ...times };
}

/**
 * Lays into `rollback_past` what each row was that was edited since: its first mention is how it was then; null: it was not there.
 * Rows that are again what they were are left out.
 */
async function gatherPast(client: Client, zoneId: string, serials: readonly number[]): Promise<void> {
  await client.query(
    `create temporary table rollback_past (record_id bigint primary key, before jsonb, keys text[]) on commit drop`,
  );
  await client.query(
    `insert into rollback_past (record_id, before, keys)
     select first.record_id, first.before, (select array_agg(k order by k) from jsonb_object_keys(first.before) as k)
     from (
       select distinct on (record_id) record_id, before from (
         select h.id, m as record_id, null::jsonb as before from record_history h cross join unnest(h.made) as m
         where h.zone_id = $1::bigint and (h.serial is null or h.serial = any ($2::bigint[]))
         union all
         select h.id, (g ->> 'id')::bigint, g from record_history h cross join jsonb_array_elements(h.gone) as g
         where h.zone_id = $1::bigint and (h.serial is null or h.serial = any ($2::bigint[]))
       ) as mentioned
       order by record_id, id
     ) as first
     left join records r on r.id = first.record_id and r.zone_id = $1::bigint
     where case when first.before is null then r.id is not null
       else r.id is null or to_jsonb(r) - '{owner,problem,created_at}'::text[] <> first.before end`,
    [zoneId, serials],
  );
}

async function readPlan(
  client: Client,
  zoneId: string,
): Promise<Pick<RollbackPlan, 'removed' | 'restored' | 'removedRows' | 'restoredRows'>> {
  const removed = await client.query<SourceLine & { total: string }>(
    `select count(*) over () as total, r.name, r.type, r.ttl, r.content, r.disabled
     from rollback_past p join records r on r.id = p.record_id and r.zone_id = $1::bigint
     order by r.owner, r.type, r.id limit ${SHOWN}`,
    [zoneId],
  );
  const restored = await client.query<SourceLine & { total: string }>(
    `select count(*) over () as total, r.name, r.type, r.ttl, r.content, r.disabled
     from rollback_past p cross join jsonb_populate_record(null::records, p.before) as r
     where p.before is not null order by lower(r.name) collate "C", r.type, r.id limit ${SHOWN}`,
  );
  const lines = ({ rows }: typeof removed) => rows.map(({ total: _, ...line }) => line);
  return {
    removed: Number(removed.rows[0]?.total ?? 0),
    restored: Number(restored.rows[0]?.total ?? 0),
    removedRows: lines(removed),
    restoredRows: lines(restored),
  };
}

/** Rows come back under their ids. Columns that a row did not have then, as it was kept by an earlier version, get their defaults. */
async function restore(client: Client, zoneId: string): Promise<void> {
  await client.query(
    'delete from records where zone_id = $1::bigint and id in (select record_id from rollback_past where before is null)',
    [zoneId],
  );
  const { rows: forms } = await client.query<{ keys: string[]; missing: string[] }>(
    `select f.keys, array(
       select attname::text from pg_attribute where attrelid = 'records'::regclass and attnum > 0 and not attisdropped
         and attgenerated = '' and attname not in ('id', 'zone_id', 'problem', 'created_at') and attname <> all (f.keys)) as missing
     from (select distinct keys from rollback_past where before is not null) as f`,
  );
  for (const { keys, missing } of forms) {
    const columns = keys.filter((key) => key !== 'id' && key !== 'zone_id').map(quoted);
    const assignments = [
      ...columns.map((column) => `${column} = b.${column}`),
      ...missing.map((column) => `${quoted(column)} = default`),
    ];
    await client.query(
      `update records r set ${assignments.join(', ')}
       from rollback_past p cross join jsonb_populate_record(null::records, p.before) as b
       where p.keys = $2::text[] and r.id = p.record_id and r.zone_id = $1::bigint`,
      [zoneId, keys],
    );
    // a row that lives in another zone now stays there
    await client.query(
      `insert into records (id, zone_id, ${columns.join(', ')})
       select case when exists (select from records o where o.id = b.id) then nextval(pg_get_serial_sequence('records', 'id')) else b.id end,
         $1::bigint, ${columns.map((column) => `b.${column}`).join(', ')}
       from rollback_past p cross join jsonb_populate_record(null::records, p.before) as b
       where p.keys = $2::text[] and not exists (select from records r where r.id = p.record_id and r.zone_id = $1::bigint)`,
      [zoneId, keys],
    );
  }
}

function quoted(column: string): string {
  return `"${column.replaceAll('"', '""')}"`;
}
