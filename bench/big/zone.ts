import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import type { Pool } from 'pg';

export const BIG = 'big.test.';
export const SERIAL = 1;

export type Row = readonly [owner: string, type: string, content: string, ttl: number];

/**
 * The records of a large zone beside its SOA, the same in each run: hosts with one or two addresses, mail exchangers, texts
 * and aliases, about 33 octets a record on the wire.
 */
export function* bigRecords(count: number): Generator<Row> {
  const random = numbers();
  let left = count;
  const row = (...of: Row): Row[] => (left-- > 0 ? [of] : []);
  yield* row(BIG, 'NS', 'ns1.example.net.', 86_400);
  yield* row(BIG, 'NS', 'ns2.example.net.', 86_400);
  for (let host = 0; left > 0; host++) {
    const owner = `${WORDS[random(WORDS.length)]}${host.toString(36)}${SITES[random(SITES.length)]}.${BIG}`;
    const ttl = TTLS[random(TTLS.length)] ?? 300;
    const kind = random(100);
    if (kind < 12) {
      yield* row(
        owner,
        'CNAME',
        kind < 6 ? `edge${random(5_000)}.${BIG}` : `c${random(1e6)}.cdn.example.net.`,
        ttl,
      );
      continue;
    }
    yield* row(owner, 'A', v4(random), ttl);
    if (kind < 40) yield* row(owner, 'A', v4(random), ttl);
    if (kind < 55)
      yield* row(
        owner,
        'AAAA',
        `2001:db8:${random(65_536).toString(16)}::${(host & 65_535).toString(16)}`,
        ttl,
      );
    if (kind > 88) {
      yield* row(owner, 'MX', `10 mx1.${BIG}`, ttl);
      yield* row(owner, 'MX', `20 mx${random(9)}.mail.example.net.`, ttl);
    }
    if (kind > 80)
      yield* row(owner, 'TXT', `"v=spf1 ip4:${v4(random)} include:_spf${random(30)}.example.net ~all"`, ttl);
  }
}

export const SOA = `${BIG} 3600 IN SOA ns1.${BIG} hostmaster.${BIG} ${SERIAL} 7200 900 1209600 300`;

/** The zone as a master file, for the peers. */
export async function writeBig(count: number, file: string): Promise<void> {
  const stream = createWriteStream(file);
  stream.write(`${SOA}\n`);
  let lines: string[] = [];
  for (const [owner, type, content, ttl] of bigRecords(count)) {
    lines.push(`${owner} ${ttl} IN ${type} ${content}\n`);
    if (lines.length < 20_000) continue;
    if (!stream.write(lines.join(''))) await once(stream, 'drain');
    lines = [];
  }
  stream.end(lines.join(''));
  await finished(stream);
}

/** The same zone as rows, in one transaction; published by the service afterwards. */
export async function insertBig(count: number, pool: Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const { rows } = await client.query<{ id: string }>(
      `insert into zones (name, primary_ns, contact, serial, refresh, retry, expire, minimum)
       values ($1, 'ns1.' || $1, 'hostmaster.' || $1, $2, 7200, 900, 1209600, 300) returning id`,
      [BIG, SERIAL],
    );
    let batch: Row[] = [];
    const insert = async () => {
      await client.query(
        `insert into records (zone_id, name, type, content, ttl)
         select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::integer[])`,
        [rows[0]?.id, ...[0, 1, 2, 3].map((column) => batch.map((row) => row[column]))],
      );
      batch = [];
    };
    for (const row of bigRecords(count)) if (batch.push(row) === 20_000) await insert();
    await insert();
    await client.query('commit');
  } finally {
    client.release();
  }
}

/** Whole numbers below a limit, always the same ones. */
function numbers(): (below: number) => number {
  let state = 0x2545f491;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const v4 = (random: (below: number) => number) => `198.${18 + random(2)}.${random(256)}.${random(256)}`;

const WORDS =
  'www api mail app cdn img shop blog dev vpn git db cache auth node web edge ns status files'.split(' ');
const SITES = ['', '', '', '.eu1', '.us2', '.ap1', '.lab'];
const TTLS = [60, 300, 300, 300, 3_600, 3_600, 86_400];
