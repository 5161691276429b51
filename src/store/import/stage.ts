import type { AliasOptions } from '../../zone/record.ts';
import type { Client } from '../pool.ts';

/** A record of a file, in the form in which `records` keeps it. */
export interface ImportRow {
  /** The name in lower case. */
  owner: string;
  name: string;
  type: string;
  ttl: number;
  content: string;
  /** Canonical rdata: equal for equal data in any spelling. */
  rdata: Buffer;
  line: number;
  /** What the file says of an ALIAS beyond its target. */
  options?: Partial<AliasOptions> | undefined;
}

const BATCH = 10_000;

/**
 * Lays the rows into the temporary table `import_rows`, which the transaction's end drops. Equal records, TTL aside, are `twin` but for
 * the one with the lowest TTL. Returns how many are none.
 */
export async function stage(client: Client, rows: Iterable<ImportRow>): Promise<number> {
  await client.query(
    `create temporary table import_rows (
       owner text collate "C" not null, name text not null, type text collate "C" not null, ttl integer not null, content text collate "C" not null,
       rdata bytea not null, line integer not null, options jsonb, twin boolean not null default false
     ) on commit drop`,
  );
  let batch: ImportRow[] = [];
  let total = 0;
  let sending: Promise<unknown> = Promise.resolve();
  try {
    for (const row of rows) {
      batch.push(row);
      if (batch.length < BATCH) continue;
      // one batch is written while the next is read
      await sending;
      sending = send(client, batch);
      sending.catch(() => {});
      total += batch.length;
      batch = [];
      await new Promise(setImmediate);
    }
  } finally {
    await sending.catch(() => {});
  }
  await sending;
  await send(client, batch);
  total += batch.length;
  await client.query('analyze import_rows');
  const { rowCount } = await client.query(
    `update import_rows set twin = true where ctid in (
       select ctid from (
         select ctid, row_number() over (partition by owner, type, rdata order by ttl, line) as place from import_rows) as placed
       where place > 1)`,
  );
  return total - (rowCount ?? 0);
}

async function send(client: Client, rows: readonly ImportRow[]): Promise<void> {
  if (rows.length === 0) return;
  await client.query({
    name: 'stage import',
    text: `insert into import_rows (owner, name, type, ttl, content, rdata, line, options)
      select * from unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::bytea[], $7::integer[], $8::jsonb[])`,
    values: [
      rows.map((row) => row.owner),
      rows.map((row) => row.name),
      rows.map((row) => row.type),
      rows.map((row) => row.ttl),
      rows.map((row) => row.content),
      rows.map((row) => row.rdata),
      rows.map((row) => row.line),
      rows.map((row) => (row.options ? JSON.stringify(row.options) : null)),
    ],
  });
}
