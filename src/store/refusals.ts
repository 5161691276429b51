import type { Pool } from './pool.ts';

/** Requests that were refused for one reason. */
export interface RefusedRequests {
  address: string;
  /** The key that they named; empty: unsigned. */
  key: string;
  zone: string;
  reason: string;
  /** SOA, AXFR, … */
  asked: string;
  /** Whether a secondary is registered with the address. */
  registered: boolean;
  detail: string;
  count: number;
  /** Ms since the epoch. */
  firstAt: number;
  lastAt: number;
}

/** Rows kept of registered addresses, and of strangers, who must not push the others out. */
const MOST = 500;
const DAYS = 7;

/** Adds to what was refused before. */
export async function addRefusals(pool: Pool, rows: readonly RefusedRequests[]): Promise<void> {
  if (rows.length === 0) return;
  await pool.query(
    `insert into refusals as r (address, key_name, zone, reason, asked, registered, detail, count, first_at, last_at)
     select address, key, zone, reason, asked, registered, detail, count, to_timestamp("firstAt" / 1000), to_timestamp("lastAt" / 1000)
     from json_to_recordset($1::json) as n (address text, key text, zone text, reason text, asked text, registered boolean, detail text,
       count bigint, "firstAt" float8, "lastAt" float8)
     order by address, key, zone, reason
     on conflict (address, key_name, zone, reason) do update set asked = excluded.asked, registered = excluded.registered, detail = excluded.detail,
       count = r.count + excluded.count, last_at = greatest(r.last_at, excluded.last_at)`,
    [JSON.stringify(rows)],
  );
  await pool.query(
    `delete from refusals r using (
       select address, key_name, zone, reason, row_number() over (partition by registered order by last_at desc) as place from refusals
     ) as p
     where p.place > $1 and (r.address, r.key_name, r.zone, r.reason) = (p.address, p.key_name, p.zone, p.reason)`,
    [MOST],
  );
}

/** A refusal as `status` shows it. */
export interface RefusalStatus {
  address: string;
  key: string | null;
  zone: string | null;
  reason: string;
  asked: string;
  detail: string;
  count: number;
  firstAt: Date;
  lastAt: Date;
  /** What would let it in, where it is to be let in. */
  advice: string;
}

/** Who was refused since a moment, registered addresses first, the latest first; at most `limit` rows. */
export async function readRefusals(
  pool: Pool,
  limit: number,
  since?: Date,
): Promise<{ total: number; rows: RefusalStatus[] }> {
  const { rows } = await pool.query(
    `select count(*) over () as total, r.*,
       array(select s.name from secondaries s join zones z on z.name = r.zone and zoneferry_may_have(s, z) order by s.name limit 3) as allowed,
       array(select k from secondaries s join zones z on z.name = r.zone and zoneferry_may_have(s, z) cross join unnest(s.keys) as k group by k order by k limit 3) as keys,
       array(select s.name from secondaries s where exists (select from unnest(s.addresses) as a
         where regexp_replace(regexp_replace(a, '^\\[([^]]*)\\].*$', '\\1'), '^([0-9.]+)[:@].*$', '\\1') = r.address) order by s.name limit 3) as here
     from refusals r where $2::timestamptz is null or last_at > $2 order by registered desc, last_at desc limit $1::bigint`,
    [limit, since ?? null],
  );
  return {
    total: Number(rows[0]?.total ?? 0),
    rows: rows.map((row) => ({
      address: row.address,
      key: row.key_name === '' ? null : row.key_name,
      zone: row.zone === '' ? null : row.zone,
      reason: row.reason,
      asked: row.asked,
      detail: row.detail,
      count: Number(row.count),
      firstAt: row.first_at,
      lastAt: row.last_at,
      advice: advice(row),
    })),
  };
}

/** Old ones go. */
export async function pruneRefusals(pool: Pool): Promise<void> {
  await pool.query('delete from refusals where last_at < now() - make_interval(days => $1)', [DAYS]);
}

function advice(row: {
  address: string;
  key_name: string;
  zone: string;
  reason: string;
  allowed: string[];
  keys: string[];
  here: string[];
}): string {
  const { address, zone, reason } = row;
  const key = row.key_name.replace(/\.$/, '');
  const [name = 'NAME'] = row.here.length > 0 ? row.here : row.allowed;
  const whom =
    row.allowed.length === 0
      ? ''
      : `${zone} is for ${row.allowed.join(', ')}${row.keys.length > 0 ? ` with key ${row.keys.join(' or ')}` : ''}; `;
  switch (reason) {
    case 'unknown-address':
      return row.allowed.length > 0
        ? `${whom}zoneferry secondary set ${name} --transfer-from ${address} lets it in`
        : `zoneferry secondary add NAME --address ${address} lets it in`;
    case 'bad-key':
      return `${whom}zoneferry key add ${key} --secret BASE64 and zoneferry secondary set ${name} --key ${[...row.keys, key].join(',')} take that key too`;
    case 'bad-signature':
    case 'bad-truncation':
      return `zoneferry key show ${key} shows secret and algorithm: they have to be alike there`;
    case 'bad-time':
      return 'its clock and ours are more than five minutes apart: set them by NTP';
    case 'key-expected':
      return `it has to sign with ${row.keys.join(' or ') || 'its key'}: zoneferry secondary config ${name} prints how`;
    case 'key-not-theirs':
      return `${whom}zoneferry secondary set ${name} --key ${[...row.keys, key].join(',')} takes that key too`;
    case 'zone-not-allowed':
      return `zoneferry secondary set ${name} --zones all, or with ${zone} among its zones, lets it have it`;
    case 'unknown-zone':
      return `there is no zone ${zone} here: take it from that server, or zoneferry zone import makes it`;
    default:
      return row.reason === 'unpublished' ? `zoneferry zone show ${zone} says why` : 'see the log';
  }
}
