import type { AliasOptions } from '../zone/record.ts';
import { aliasOptions, optionValues } from './alias-options.ts';
import type { Client, Pool } from './pool.ts';
import type { StoredSource } from './records.ts';
import { inTransaction } from './transaction.ts';
import { findZone, type Zone } from './zones.ts';

// Pages of rows, and single rows by id, changed only while they are as the caller saw them.

/** What an operator wrote in a row, in short: it changes with every change of that, and with nothing else. */
type Versioned<T> = T & { version: string };

const ZONE_VERSION =
  'md5(row(name, serial_policy, primary_ns, contact, refresh, retry, expire, minimum, soa_ttl, alias_floor)::text)';
const RECORD_VERSION = 'md5(row(name, type, ttl, content, disabled, answers, fallback, debug_txt)::text)';
const RECORD = `id, name, type, ttl, content, disabled, problem, ${aliasOptions('records')} as options, ${RECORD_VERSION} as version`;

/** A zone by its name, or by its id where `reference` is all digits. */
export async function readZone(pool: Pool, reference: string): Promise<Versioned<Zone> | undefined> {
  const { rows } = await pool.query<{ name: string; version: string }>(
    `select name, ${ZONE_VERSION} as version from zones where ${isId(reference) ? 'id = $1::bigint' : 'name = $1'}`,
    [reference],
  );
  const [row] = rows;
  const zone = row && (await findZone(pool, row.name));
  return zone && { ...zone, version: row.version };
}

/** Whether a path's part is an id. */
export function isId(reference: string): boolean {
  return /^\d{1,18}$/.test(reference);
}

/** Runs a change of a zone while nobody else changes it; `changed` where it is not what the caller saw. */
export function whileZoneIs<T>(
  pool: Pool | Client,
  name: string,
  version: string,
  change: (client: Client) => Promise<T>,
): Promise<T | 'changed' | undefined> {
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ version: string }>(
      `select ${ZONE_VERSION} as version from zones where name = $1 for update`,
      [name],
    );
    if (!rows[0]) return undefined;
    return rows[0].version === version ? change(client) : 'changed';
  });
}

/** Zones whose name begins with `prefix`, in the order of names, after `after`. */
export async function pageOfZoneNames(
  pool: Pool,
  { prefix, after, limit }: { prefix: string; after: string; limit: number },
): Promise<{ names: string[]; total: number }> {
  const like = `${prefix.replace(/[\\%_]/g, '\\$&')}%`;
  const { rows } = await pool.query<{ name: string }>(
    'select name from zones where name > $1 and name like $2 order by name limit $3',
    [after, like, limit],
  );
  const counted = await pool.query<{ total: string }>(
    'select count(*) as total from zones where name like $1',
    [like],
  );
  return { names: rows.map((row) => row.name), total: Number(counted.rows[0]?.total ?? 0) };
}

/** Where a page of records ends. */
export interface RecordCursor {
  owner: string;
  type: string;
  id: string;
}

/** Records of a zone in the order of names; `owner` in lower case. */
export async function pageOfRecords(
  pool: Pool,
  zoneId: string,
  query: { after: RecordCursor; limit: number; owner?: string | undefined; type?: string | undefined },
): Promise<{ records: Versioned<StoredSource>[]; end: RecordCursor | undefined }> {
  const { after, limit, owner, type } = query;
  const { rows } = await pool.query<Versioned<StoredSource> & { owner: string }>(
    `select owner, ${RECORD} from records
     where zone_id = $1::bigint and (owner, type collate "C", id) > ($2, $3 collate "C", $4::bigint)
       and ($5::text is null or owner = $5) and ($6::text is null or type = $6)
     order by owner, type collate "C", id limit $7`,
    [zoneId, after.owner, after.type, after.id, owner, type, limit],
  );
  const last = rows.at(-1);
  return {
    records: rows.map(({ owner: _, ...record }) => record),
    end: last && rows.length === limit ? { owner: last.owner, type: last.type, id: last.id } : undefined,
  };
}

export async function readRecord(
  pool: Pool,
  zoneId: string,
  id: string,
): Promise<Versioned<StoredSource> | undefined> {
  if (!isId(id)) return undefined;
  const { rows } = await pool.query<Versioned<StoredSource>>(
    `select ${RECORD} from records where zone_id = $1::bigint and id = $2::bigint`,
    [zoneId, id],
  );
  return rows[0];
}

export type RecordChange = Partial<Pick<StoredSource, 'name' | 'type' | 'ttl' | 'content' | 'disabled'>> & {
  /** Those of an ALIAS that becomes another type go by themselves. */
  options?: Partial<AliasOptions> | undefined;
};

/** Changes what is given; undefined where the record is gone or, with `version`, not what the caller saw. */
export async function changeRecord(
  pool: Pool | Client,
  id: string,
  change: RecordChange,
  version: string | undefined,
): Promise<Versioned<StoredSource> | undefined> {
  const { rows } = await pool.query<Versioned<StoredSource>>(
    `update records set name = coalesce($3::text, name), type = coalesce($4::text, type), ttl = coalesce($5::integer, ttl),
       content = coalesce($6::text, content), disabled = coalesce($7::boolean, disabled),
       answers = case when coalesce($4, type) = 'ALIAS' then coalesce($8::text, answers) else coalesce($8, 'stable') end,
       fallback = case when coalesce($4, type) = 'ALIAS' then coalesce($9::inet[], fallback) else coalesce($9, '{}') end,
       debug_txt = case when coalesce($4, type) = 'ALIAS' then coalesce($10::boolean, debug_txt) else coalesce($10, false) end
     where id = $1::bigint and ($2::text is null or ${RECORD_VERSION} = $2)
     returning ${RECORD}`,
    [
      id,
      version,
      change.name,
      change.type,
      change.ttl,
      change.content,
      change.disabled,
      ...optionValues(change.options),
    ],
  );
  return rows[0];
}

/** Deletes a record; false where it is gone or, with `version`, not what the caller saw. */
export async function removeRecord(
  pool: Pool | Client,
  id: string,
  version: string | undefined,
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `delete from records where id = $1::bigint and ($2::text is null or ${RECORD_VERSION} = $2)`,
    [id, version],
  );
  return rowCount === 1;
}
