import { createHash, randomBytes } from 'node:crypto';
import type { Pool } from './pool.ts';

/** A named token of the HTTP API, without the token itself, which nobody knows but who holds it. */
export interface TokenEntry {
  id: string;
  name: string;
  readOnly: boolean;
  createdAt: Date;
  /** When a request last came with it, to the minute. */
  usedAt: Date | null;
}

const COLUMNS = `id, name, read_only as "readOnly", created_at as "createdAt", used_at as "usedAt"`;
const OCTETS = 32;

/** Makes a token, and gives it this once. A name that is taken is refused by the database. */
export async function addToken(
  pool: Pool,
  name: string,
  readOnly: boolean,
): Promise<TokenEntry & { token: string }> {
  // the prefix lets people, and scanners for leaked secrets, know what they see
  const token = `zf_${randomBytes(OCTETS).toString('base64url')}`;
  const { rows } = await pool.query<TokenEntry>(
    `insert into api_tokens (name, hash, read_only) values ($1::text, $2::bytea, $3::boolean) returning ${COLUMNS}`,
    [name, hashOf(token), readOnly],
  );
  return { ...(rows[0] as TokenEntry), token };
}

export async function listTokens(pool: Pool): Promise<TokenEntry[]> {
  const { rows } = await pool.query<TokenEntry>(`select ${COLUMNS} from api_tokens order by name`);
  return rows;
}

/** Takes a token away, at once; false where there is none of that name. */
export async function deleteToken(pool: Pool, name: string): Promise<boolean> {
  const { rowCount } = await pool.query('delete from api_tokens where name = $1::text', [name]);
  return rowCount === 1;
}

/** The entry of a token; undefined where it is none of ours. Looked up by its hash, so that time tells nothing of the token. */
export async function findToken(pool: Pool, token: string): Promise<TokenEntry | undefined> {
  const { rows } = await pool.query<TokenEntry>({
    name: 'find token',
    text: `select ${COLUMNS} from api_tokens where hash = $1::bytea`,
    values: [hashOf(token)],
  });
  return rows[0];
}

/** The entry of an id; undefined where it is gone. */
export async function readToken(pool: Pool, id: string): Promise<TokenEntry | undefined> {
  const { rows } = await pool.query<TokenEntry>(`select ${COLUMNS} from api_tokens where id = $1::bigint`, [
    id,
  ]);
  return rows[0];
}

/** Those of these ids that are still there. */
export async function tokensLeft(pool: Pool, ids: readonly string[]): Promise<Set<string>> {
  const { rows } = await pool.query<{ id: string }>(
    'select id from api_tokens where id = any ($1::bigint[])',
    [ids],
  );
  return new Set(rows.map(({ id }) => id));
}

/** Notes that a token is in use, once a minute at most. */
export async function noteTokenUse(pool: Pool, id: string): Promise<void> {
  await pool.query(
    `update api_tokens set used_at = now() where id = $1::bigint and (used_at is null or used_at < now() - interval '1 minute')`,
    [id],
  );
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
