import type { Pool } from './pool.ts';

/** A TSIG key without its secret. */
export interface KeyEntry {
  id: string;
  /** In lower case, without the final dot. */
  name: string;
  algorithm: string;
  /** Bits of the shortest MAC that is taken; null: whole ones alone (RFC 8945, 5.2.2.1). */
  minMacBits: number | null;
  createdAt: Date;
  /** Names of the secondaries that use it. */
  usedBy: string[];
}

const COLUMNS = `k.id, k.name, k.algorithm, k.min_mac_bits as "minMacBits", k.created_at as "createdAt",
  array(select s.name from secondaries s where k.name = any (s.keys) order by s.name) as "usedBy"`;

/** Adds a key; the secret is base64. */
export async function addKey(
  pool: Pool,
  key: { name: string; algorithm: string; secret: string; minMacBits?: number | null | undefined },
): Promise<KeyEntry> {
  const { rows } = await pool.query<KeyEntry>(
    `with k as (insert into tsig_keys (name, algorithm, secret, min_mac_bits) values ($1, $2, $3, $4) returning *) select ${COLUMNS} from k`,
    [key.name, key.algorithm, key.secret, key.minMacBits],
  );
  return rows[0] as KeyEntry;
}

export async function listKeys(pool: Pool): Promise<KeyEntry[]> {
  const { rows } = await pool.query<KeyEntry>(`select ${COLUMNS} from tsig_keys k order by k.name`);
  return rows;
}

/** A key with its secret in base64; undefined where there is none. The name in any case, with or without the final dot. */
export async function findKey(
  pool: Pool,
  name: string,
): Promise<(KeyEntry & { secret: string }) | undefined> {
  const { rows } = await pool.query<KeyEntry & { secret: string }>(
    `select ${COLUMNS}, k.secret from tsig_keys k where k.name = $1`,
    [keyName(name)],
  );
  return rows[0];
}

/** Changes what is given; undefined where there is no such key. */
export async function setKey(
  pool: Pool,
  name: string,
  change: {
    algorithm?: string | undefined;
    secret?: string | undefined;
    minMacBits?: number | null | undefined;
  },
): Promise<KeyEntry | undefined> {
  const { rows } = await pool.query<KeyEntry>(
    `with k as (update tsig_keys set algorithm = coalesce($2::text, algorithm), secret = coalesce($3::text, secret),
       min_mac_bits = case when $4 then $5::smallint else min_mac_bits end where name = $1 returning *)
     select ${COLUMNS} from k`,
    [keyName(name), change.algorithm, change.secret, change.minMacBits !== undefined, change.minMacBits],
  );
  return rows[0];
}

/** Deletes a key; false where there was none. One that a secondary still uses is refused by the database. */
export async function deleteKey(pool: Pool, name: string): Promise<boolean> {
  const { rowCount } = await pool.query('delete from tsig_keys where name = $1', [keyName(name)]);
  return rowCount === 1;
}

function keyName(name: string): string {
  return name.toLowerCase().replace(/(.)\.$/, '$1');
}
