import type { AliasOptions } from '../zone/record.ts';
import { aliasOptions, optionValues } from './alias-options.ts';
import type { Client, Pool } from './pool.ts';

/** A row of `records`: what the operator wrote. */
export interface StoredSource {
  id: string;
  name: string;
  type: string;
  /** Seconds. */
  ttl: number;
  content: string;
  disabled: boolean;
  /** Why it is set aside; null where it is served. */
  problem: string | null;
  /** Of an ALIAS; null for any other type. */
  options: AliasOptions | null;
}

export interface NewRecord {
  /** Absolute. */
  name: string;
  type: string;
  ttl?: number | undefined;
  content: string;
  disabled?: boolean | undefined;
  /** For an ALIAS alone. */
  options?: Partial<AliasOptions> | undefined;
}

const COLUMNS = `id, name, type, ttl, content, disabled, problem, ${aliasOptions('records')} as options`;
const PAGE = 5_000;

/** Adds one record. */
export async function addRecord(
  pool: Pool | Client,
  zoneId: string,
  record: NewRecord,
): Promise<StoredSource> {
  const { rows } = await pool.query<StoredSource>(
    `insert into records (zone_id, name, type, ttl, content, disabled, answers, fallback, debug_txt)
     values ($1, $2, $3, coalesce($4::integer, 3600), $5, $6, coalesce($7::text, 'stable'), coalesce($8::inet[], '{}'), coalesce($9::boolean, false))
     returning ${COLUMNS}`,
    [
      zoneId,
      record.name,
      record.type,
      record.ttl,
      record.content,
      record.disabled ?? false,
      ...optionValues(record.options),
    ],
  );
  return rows[0] as StoredSource;
}

/** All records of a zone in the order of names, a page at a time. */
export async function* listRecords(pool: Pool, zoneId: string): AsyncGenerator<StoredSource[]> {
  let last = { owner: '', type: '', id: '0' };
  for (;;) {
    const { rows } = await pool.query<StoredSource & { owner: string }>(
      `select owner, ${COLUMNS} from records
       where zone_id = $1::bigint and (owner, type collate "C", id) > ($2, $3 collate "C", $4::bigint)
       order by owner, type collate "C", id limit ${PAGE}`,
      [zoneId, last.owner, last.type, last.id],
    );
    if (rows.length > 0) yield rows.map(({ owner: _, ...record }) => record);
    const end = rows.at(-1);
    if (!end || rows.length < PAGE) return;
    last = { owner: end.owner, type: end.type, id: end.id };
  }
}

/** The records of one name and type, disabled ones too. `owner` is in lower case. */
export async function findRecords(
  pool: Pool,
  zoneId: string,
  owner: string,
  type: string,
): Promise<StoredSource[]> {
  const { rows } = await pool.query<StoredSource>(
    `select ${COLUMNS} from records where zone_id = $1::bigint and owner = $2 and type = $3 order by id`,
    [zoneId, owner, type],
  );
  return rows;
}

/** Changes one record; undefined where it is gone. */
export async function setRecord(
  pool: Pool,
  id: string,
  change: Pick<NewRecord, 'ttl' | 'disabled' | 'options'> & { content?: string | undefined },
): Promise<StoredSource | undefined> {
  const { rows } = await pool.query<StoredSource>(
    `update records set ttl = coalesce($2::integer, ttl), content = coalesce($3::text, content), disabled = coalesce($4::boolean, disabled),
       answers = coalesce($5::text, answers), fallback = coalesce($6::inet[], fallback), debug_txt = coalesce($7::boolean, debug_txt)
     where id = $1::bigint returning ${COLUMNS}`,
    [id, change.ttl, change.content, change.disabled, ...optionValues(change.options)],
  );
  return rows[0];
}

/** Deletes these records in one statement; gives those that were there. */
export async function deleteRecords(pool: Pool | Client, ids: readonly string[]): Promise<StoredSource[]> {
  const { rows } = await pool.query<StoredSource>(
    `delete from records where id = any ($1::bigint[]) returning ${COLUMNS}`,
    [ids],
  );
  return rows;
}
