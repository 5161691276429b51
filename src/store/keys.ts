import { UserError } from '../errors.ts';
import type { Pool } from './pool.ts';
import type { Secrets } from './secrets.ts';

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
  secrets: Secrets,
  key: { name: string; algorithm: string; secret: string; minMacBits?: number | null | undefined },
): Promise<KeyEntry> {
  const { rows } = await pool.query<KeyEntry>(
    `with k as (insert into tsig_keys (name, algorithm, secret, min_mac_bits) values ($1, $2, $3, $4) returning *) select ${COLUMNS} from k`,
    [key.name, key.algorithm, sealed(secrets, key.secret), key.minMacBits],
  );
  return rows[0] as KeyEntry;
}

export async function listKeys(pool: Pool): Promise<KeyEntry[]> {
  const { rows } = await pool.query<KeyEntry>(`select ${COLUMNS} from tsig_keys k order by k.name`);
  return rows;
}

/**
 * A key with its secret in base64; undefined where there is none. The name in any case, with or without the final dot.
 *
 * @throws UserError where its secret is encrypted with a key that is not here
 */
export async function findKey(
  pool: Pool,
  secrets: Secrets,
  name: string,
): Promise<(KeyEntry & { secret: string }) | undefined> {
  const { rows } = await pool.query<KeyEntry & { secret: string }>(
    `select ${COLUMNS}, k.secret from tsig_keys k where k.name = $1`,
    [keyName(name)],
  );
  const [key] = rows;
  if (!key) return undefined;
  const secret = secrets.open(key.secret);
  if (!secret)
    throw new UserError(
      `key ${key.name}: its secret is encrypted, and SECRET_KEY does not open it: set the one that it was encrypted with`,
    );
  return { ...key, secret: secret.toString('base64') };
}

/** Changes what is given; undefined where there is no such key. */
export async function setKey(
  pool: Pool,
  secrets: Secrets,
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
    [
      keyName(name),
      change.algorithm,
      change.secret && sealed(secrets, change.secret),
      change.minMacBits !== undefined,
      change.minMacBits,
    ],
  );
  return rows[0];
}

/** Deletes a key; false where there was none. One that a secondary still uses is refused by the database. */
export async function deleteKey(pool: Pool, name: string): Promise<boolean> {
  const { rowCount } = await pool.query('delete from tsig_keys where name = $1', [keyName(name)]);
  return rowCount === 1;
}

/** What is not base64 is handed on as it is: the database refuses it in words. */
function sealed(secrets: Secrets, secret: string): string {
  const octets = Buffer.from(secret, 'base64');
  return secrets.prefix !== undefined && octets.toString('base64') === secret && octets.length > 0
    ? secrets.seal(octets)
    : secret;
}

/** What is known of how secrets stand in the database. */
export interface Sealing {
  /** Secrets that were encrypted now, or anew. */
  sealed: number;
  /** Names of keys whose secrets can't be opened. */
  closed: string[];
  /** How many secrets were encrypted and could be opened before. */
  opened: number;
}

/**
 * Encrypts with the first key every secret that is not: written by a platform as base64, or encrypted with another key. Where secrets are
 * encrypted and none of them can be opened, our keys are the wrong ones: nothing is encrypted with them.
 */
export async function sealSecrets(pool: Pool, secrets: Secrets): Promise<Sealing> {
  const { rows } = await pool.query<{ id: string; name: string; secret: string }>(
    'select id, name, secret from tsig_keys order by id',
  );
  const read = rows.map((row) => ({ ...row, octets: secrets.open(row.secret) }));
  const sealing: Sealing = {
    sealed: 0,
    closed: read.flatMap(({ name, octets }) => (octets ? [] : name)),
    opened: read.filter(({ secret, octets }) => octets && secret.includes(':')).length,
  };
  const { prefix } = secrets;
  if (prefix === undefined || areTheWrongKeys(sealing)) return sealing;
  for (const { id, secret, octets } of read) {
    if (!octets || secret.startsWith(prefix)) continue;
    // somebody may have changed it meanwhile
    const { rowCount } = await pool.query(
      'update tsig_keys set secret = $3::text where id = $1::bigint and secret = $2::text',
      [id, secret, secrets.seal(octets)],
    );
    sealing.sealed += rowCount ?? 0;
  }
  return sealing;
}

/** Whether secrets are encrypted, and none of them can be opened. */
export function areTheWrongKeys({ closed, opened }: Sealing): boolean {
  return closed.length > 0 && opened === 0;
}

function keyName(name: string): string {
  return name.toLowerCase().replace(/(.)\.$/, '$1');
}
