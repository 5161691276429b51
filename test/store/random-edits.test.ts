import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { absoluteName, nameKey } from '../../src/dns/name.ts';
import { canonicalRdata } from '../../src/dns/rdata/index.ts';
import { typeFromText } from '../../src/dns/types.ts';
import { readHistory } from '../../src/store/versions.ts';
import type { Seen, TargetLook } from '../../src/zone/alias/seen.ts';
import { type StoredRecord, unpackRecords } from '../../src/zone/version.ts';
import { addZone, lookAt, publishAll, serialOf, type TestStore, testStore } from '../support/store.ts';

// Whatever is edited, in whatever order: names published one by one come to what the zone read whole would be, and the journal replays
// from any version to the next.

let store: TestStore;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());

/** The same numbers for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
}

interface Zone {
  id: string;
  name: string;
}

const CONTENTS = [
  ['A', '192.0.2.1'],
  ['A', '192.0.2.2'],
  ['AAAA', '2001:db8:0::1'],
  ['MX', '10 Mail.example'],
  ['MX', '010 mail.example.'],
  ['TXT', '"text"'],
  ['ALIAS', 'T1.example'],
  ['ALIAS', 't2.example.'],
  ['CNAME', 'c.example'],
  ['LOC', 'that only the encoder refuses'],
] as const;

async function edit(client: pg.PoolClient, zones: readonly Zone[], random: (below: number) => number) {
  const pick = <T>(choices: readonly T[]) => choices[random(choices.length)] as T;
  const zone = pick(zones);
  const name = `${pick(['', 'a.', 'A.', '*.', 'c\\.d.'])}${zone.name}`;
  const some = (where: string, most = 1) =>
    `id in (select id from records where zone_id = ${zone.id} and type <> 'NS' and ${where} order by (id * 7919 + ${random(1000)}) % 101 limit ${most})`;
  const [type, content] = pick(CONTENTS);
  const edits: (() => [string, unknown[]])[] = [
    () => [
      'insert into records (zone_id, name, type, content, ttl) values ($1, $2, $3, $4, $5)',
      [zone.id, name, type, content, pick([0, 60, 300, 3600])],
    ],
    () => [`delete from records where ${some('true', 2)}`, []],
    () => [`update records set ttl = $1 where ${some('true', 2)}`, [pick([0, 61, 300])]],
    () => [`update records set name = $1 where ${some('true')}`, [name]],
    () => [`update records set disabled = not disabled where ${some('true')}`, []],
    () => [
      `update records set content = $1 where ${some(`type = 'ALIAS'`)}`,
      [pick(['t1.example', 't2.example'])],
    ],
    () => [
      `update records set type = 'ALIAS', content = 't1.example' where ${some(`type in ('A', 'CNAME')`)}`,
      [],
    ],
    () => [
      `update records set type = 'A', content = '192.0.2.7' where ${some(`type in ('ALIAS', 'CNAME')`)}`,
      [],
    ],
    () => ['update zones set refresh = refresh % 5 + 1 where id = $1', [zone.id]],
    () => [
      'update zones set serial = (serial + $2) % 4294967296 where id = $1',
      [zone.id, pick([1, 5, 1_000_000_000])],
    ],
  ];
  const [statement, values] = pick([...edits.slice(0, 1), ...edits])();
  await client.query('savepoint before');
  await client.query(statement, values).catch(() => client.query('rollback to before'));
}

async function look(random: (below: number) => number, now: number): Promise<void> {
  const seen = (prefix: string): Seen => {
    const kind = random(5);
    if (kind === 0) return { kind: 'nodata' };
    if (kind === 1) return { kind: 'nxdomain' };
    if (kind === 2) return { kind: 'failed', reason: 'servfail', detail: 'as told' };
    return { kind: 'found', addresses: [`${prefix}${random(3) + 1}`], ttl: [30, 300][random(2)] ?? 30 };
  };
  const looks: Record<string, TargetLook> = {};
  for (const target of ['t1.example.', 't2.example.'])
    looks[target] = { a: seen('192.0.2.'), aaaa: seen('2001:db8::') };
  await lookAt(store, looks, now, random(5) === 0 ? 'everything' : undefined);
}

const keyOf = ({ name, type, ttl, rdata }: StoredRecord) =>
  `${nameKey(name)} ${ttl} ${type} ${canonicalRdata(type, rdata).toString('hex')}`;

async function contentOf(zone: Zone): Promise<Set<string>> {
  const { rows } = await store.pool.query(
    'select name, type, ttl, rdata from transfer_records where zone_id = $1',
    [zone.id],
  );
  return new Set(
    rows.map((row) => keyOf({ ...row, name: absoluteName(row.name), type: typeFromText(row.type) ?? 0 })),
  );
}

test.each([1, 2, 3])('random edits and looks, seed %d', async (seed) => {
  const random = numbers(seed);
  const zones: Zone[] = [];
  for (const host of ['one', 'two']) {
    const name = `${host}${seed}.test.`;
    zones.push({ name, id: await addZone(store, name) });
  }
  await publishAll(store);
  const known = new Map<string, { serial: number; content: Set<string> }>();
  let now = Date.now();
  let replayed = 0;
  for (let round = 1; round <= 150; round++) {
    const client = await store.operator.connect();
    await client.query('begin');
    for (let count = random(5); count >= 0; count--) await edit(client, zones, random);
    await client.query(random(8) === 0 ? 'rollback' : 'commit').catch(() => client.query('rollback'));
    client.release();
    now += random(2_000_000);
    if (random(3) === 0) await look(random, now);
    if (random(2) === 0) await publishAll(store, now);
    if (round % 10 > 0) continue;

    await publishAll(store, now);
    for (const zone of zones) {
      const serial = await serialOf(store, zone.id);
      const content = await contentOf(zone);
      const before = known.get(zone.id);
      const steps = before && (await readHistory(store.pool, zone.id, before.serial, serial, 1e9));
      for (const step of steps ?? []) {
        for (const record of unpackRecords(step.deleted))
          expect(before?.content.delete(keyOf(record)), 'a deleted record was there').toBe(true);
        for (const record of unpackRecords(step.added)) before?.content.add(keyOf(record));
        replayed++;
      }
      if (before && (steps || serial === before.serial)) expect(before.content).toEqual(content);
      known.set(zone.id, { serial, content });
      await store.pool.query('insert into zone_marks (zone_id, owner) values ($1, null)', [zone.id]);
    }
    expect(await publishAll(store, now), 'read whole, nothing differs').toEqual([]);
    const { rows } = await store.pool.query(
      `select (select count(*) from zones z where record_count <> (select count(*) from transfer_records where zone_id = z.id)) as counts,
         (select count(*) from transfer_records t where not exists (select from records where id = t.source_record_id)) as origins,
         (select count(*) from records r full join aliases a on a.record_id = r.id and a.owner = r.owner and a.zone_id = r.zone_id
          where (r.type = 'ALIAS' and not r.disabled) is distinct from (a.record_id is not null) and (r.type = 'ALIAS' or a.record_id is not null)
            and not (r.disabled and a.record_id is null)) as aliases`,
    );
    expect(rows[0], 'what is wrong').toEqual({ counts: '0', origins: '0', aliases: '0' });
  }
  expect(replayed).toBeGreaterThan(10);
});
