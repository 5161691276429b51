import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nameKey } from '../../src/dns/name.ts';
import { formatRdata } from '../../src/dns/rdata/index.ts';
import { RCODE, TYPE } from '../../src/dns/types.ts';
import { findWays } from '../../src/store/in-zone/ways.ts';
import { inTransaction } from '../../src/store/transaction.ts';
import type { Way } from '../../src/zone/in-zone/way.ts';
import { Asker } from '../support/ask.ts';
import { freePort, installed } from '../support/secondaries/index.ts';
import { findProgram, ServerProcess } from '../support/secondaries/server-process.ts';
import { type TestStore, testStore } from '../support/store.ts';

// Random zones, one of them within the other, with everything that leads elsewhere: what we find in `records` is what BIND answers that
// serves the same zones, with CNAME in the place of ALIAS.

const ZONES = ['r.test.', 'a.r.test.'];
const SEEDS = [1, 2, 3, 4, 5, 6];
const MOST = 16; // links that we follow

let store: TestStore;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());

/** The same numbers for the same seed. */
function numbers(seed: number): <T>(choices: readonly T[]) => T {
  let state = seed * 7919;
  return (choices) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return choices[(state >>> 8) % choices.length] as never;
  };
}

interface Row {
  zone: string;
  name: string;
  type: string;
  ttl: number;
  content: string;
}

const LABELS = ['a', 'b', 'c', '*'];

function randomName(pick: <T>(choices: readonly T[]) => T, labels: readonly string[], zone: string): string {
  const depth = pick([1, 1, 2, 2, 3]);
  return `${Array.from({ length: depth }, () => `${pick(labels)}.`).join('')}${zone}`;
}

function randomRecords(seed: number): Row[] {
  const pick = numbers(seed);
  const rows: Row[] = ZONES.map((zone) => ({
    zone,
    name: zone,
    type: 'NS',
    ttl: 3600,
    content: 'ns.example.',
  }));
  const known = new Map<string, Set<string>>(ZONES.map((zone) => [zone, new Set(['NS'])]));
  for (let tries = 0; tries < 60; tries++) {
    const zone = pick(ZONES);
    const name = randomName(pick, LABELS, zone);
    // a zone within another has its names to itself
    if (zone === 'r.test.' && (name === 'a.r.test.' || name.endsWith('.a.r.test.'))) continue;
    const type = pick(['A', 'A', 'A', 'AAAA', 'TXT', 'CNAME', 'CNAME', 'ALIAS', 'ALIAS', 'DNAME', 'NS']);
    const types = known.get(name) ?? new Set();
    if (types.has(type) || types.has('CNAME') || types.has('ALIAS')) continue;
    if (types.size > 0 && (type === 'CNAME' || type === 'ALIAS')) continue;
    if (name.startsWith('*.') && (type === 'NS' || type === 'DNAME')) continue;
    known.set(name, types.add(type));
    const elsewhere = pick(['', '', '', '', 'x.example.']);
    const other = elsewhere || randomName(pick, ['a', 'b', 'c'], pick(ZONES));
    const content = { A: '192.0.2.', AAAA: '2001:db8::', TXT: '"text"', NS: 'ns.example.' }[type] ?? other;
    const digits = type === 'A' || type === 'AAAA' ? String((tries % 250) + 1) : '';
    rows.push({ zone, name, type, ttl: pick([60, 300, 900, 3600]), content: content + digits });
  }
  return rows;
}

async function startBind(rows: readonly Row[]) {
  const folder = await mkdtemp(join(tmpdir(), 'own-zones-'));
  const port = await freePort();
  for (const zone of ZONES) {
    const lines = rows
      .filter((row) => row.zone === zone)
      .map(
        ({ name, ttl, type, content }) => `${name} ${ttl} ${type === 'ALIAS' ? 'CNAME' : type} ${content}`,
      );
    await writeFile(
      join(folder, zone),
      `${zone} 3600 SOA ns.example. h.example. 1 3600 600 86400 300\n${lines.join('\n')}\n`,
    );
  }
  await writeFile(
    join(folder, 'named.conf'),
    `options { directory "${folder}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; pid-file none;
       session-keyfile none; minimal-responses no; notify no; dnssec-validation no; rate-limit { responses-per-second 0; }; };
     controls { };
     ${ZONES.map((zone) => `zone "${zone}" { type primary; file "${folder}/${zone}"; check-integrity no; check-names ignore; };`).join('\n')}`,
  );
  const server = new ServerProcess(
    findProgram('named') ?? '',
    ['-g', '-n', '1', '-c', join(folder, 'named.conf')],
    { folder },
  );
  const asker = await Asker.connect({ address: '127.0.0.1', port });
  const stop = async () => {
    asker.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await server.until(async () => {
      const replies = await Promise.all(ZONES.map((zone) => asker.ask(zone, TYPE.SOA)));
      return replies.every((reply) => reply?.answers.length === 1);
    }, 30_000);
  } catch (error) {
    await stop();
    throw error;
  }
  return { asker, stop };
}

/** What BIND says of the end of the chain that begins at `name`; it follows one within a zone alone, and is asked again for the rest. */
async function askBind(asker: Asker, name: string, type: number) {
  let here = name;
  let ttl = 2 ** 31 - 1;
  let links = 0;
  const seen = new Set([here]);
  for (;;) {
    const from = here;
    const reply = await asker.ask(here, type, 10_000);
    if (!reply) throw new Error(`no reply to ${here}`);
    for (;;) {
      const link = reply.answers.find(
        (record) => record.type === TYPE.CNAME && nameKey(record.name) === here,
      );
      if (!link) break;
      here = nameKey(link.rdata);
      ttl = Math.min(ttl, link.ttl);
      links++;
      if (seen.has(here)) return { kind: 'loop', here, links } as const;
      seen.add(here);
    }
    const set = reply.answers.filter((record) => record.type === type && nameKey(record.name) === here);
    if (set.length > 0)
      return {
        kind: 'addresses',
        here,
        links,
        addresses: set.map((record) => formatRdata(type, record.rdata)).sort(),
        ttl: Math.min(ttl, ...set.map((record) => record.ttl)),
      } as const;
    if (reply.rcode === RCODE.YXDOMAIN) return { kind: 'failed', here, links } as const;
    if (reply.authorities.some((record) => record.type === TYPE.SOA))
      return { kind: 'none', here, links } as const;
    const isReferral = reply.authorities.some((record) => record.type === TYPE.NS);
    const isOurs = here === 'r.test.' || here.endsWith('.r.test.');
    if (isReferral || !isOurs || here === from) return { kind: 'elsewhere', here, links } as const;
  }
}

/** The same of a way. */
function readWay({ end, path, ttl }: Way, family: 'a' | 'aaaa') {
  switch (end.kind) {
    case 'addresses': {
      const set = end[family];
      return set
        ? { kind: 'addresses', here: path.at(-1), addresses: set.addresses, ttl: Math.min(ttl, set.ttl) }
        : { kind: 'none', here: path.at(-1) };
    }
    case 'outside':
      return { kind: 'elsewhere', here: end.target };
    case 'none':
      return { kind: 'none', here: path.at(-1) };
    case 'failed':
      return { kind: end.detail.startsWith('loop') ? 'loop' : 'failed' };
  }
}

test.skipIf(!installed('bind')).each(SEEDS)('zones of seed %i', { timeout: 120_000 }, async (seed) => {
  const rows = randomRecords(seed);
  await store.operator.query('delete from zones');
  for (const zone of ZONES)
    await store.operator.query('insert into zones (name, primary_ns, contact) values ($1, $1, $1)', [zone]);
  await store.operator.query(
    `insert into records (zone_id, name, type, ttl, content)
     select z.id, r.name, r.type, r.ttl, r.content from jsonb_to_recordset($1::jsonb) as r (zone text, name text, type text, ttl integer, content text)
     join zones z on z.name = r.zone`,
    [JSON.stringify(rows)],
  );
  const pick = numbers(seed + 1000);
  const names = [
    ...new Set([
      ...rows.map(({ name }) => name),
      ...Array.from({ length: 200 }, () => randomName(pick, ['a', 'b', 'c', 'd', '*'], pick(ZONES))),
    ]),
  ];
  const ways = await inTransaction(store.pool, (client) => findWays(client, names));
  const bind = await startBind(rows);
  const counts: Record<string, number> = {};
  try {
    for (const name of names) {
      for (const [family, type] of [
        ['a', TYPE.A],
        ['aaaa', TYPE.AAAA],
      ] as const) {
        const theirs = await askBind(bind.asker, name, type);
        if (theirs.links > MOST) continue;
        const way = ways.get(name);
        const ours = way && readWay(way, family);
        counts[theirs.kind] = (counts[theirs.kind] ?? 0) + 1;
        const { links: _, ...rest } = theirs;
        const expected =
          rest.kind === 'addresses'
            ? rest
            : rest.kind === 'loop' || rest.kind === 'failed'
              ? { kind: rest.kind }
              : { kind: rest.kind, here: rest.here };
        expect(
          { name, family, ...ours },
          `${name} of\n${rows.map((row) => Object.values(row).join(' ')).join('\n')}`,
        ).toEqual({ name, family, ...expected });
      }
    }
  } finally {
    await bind.stop();
  }
  expect(counts.addresses, JSON.stringify(counts)).toBeGreaterThan(5);
  expect(counts.none).toBeGreaterThan(20);
});
