import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readMessage } from '../../src/dns/message.ts';
import { TYPE } from '../../src/dns/types.ts';
import { openVersion } from '../../src/store/open-version.ts';
import { readCurrent, readHistory } from '../../src/store/versions.ts';
import { Images } from '../../src/transfer/images.ts';
import { composeIncremental } from '../../src/transfer/incremental.ts';
import { Increments } from '../../src/transfer/increments.ts';
import { defaultLimits } from '../../src/transfer/limits.ts';
import type { VersionSource } from '../../src/transfer/source.ts';
import { type PublishedZone, packRecords, unpackRecords } from '../../src/zone/version.ts';
import { addZone, publishAll, type TestStore, testStore } from '../support/store.ts';

let store: TestStore;

beforeAll(async () => {
  store = await testStore();
});

afterAll(() => store.close());

/** What the store has of a zone, with a count of how often it was read as a whole. */
function sourceOf(pool: TestStore['pool']): VersionSource & { opened: number } {
  return {
    opened: 0,
    current: async () => ({ kind: 'unknown' }),
    async open(zoneId) {
      this.opened++;
      const version = await openVersion(pool, zoneId);
      if (version === undefined) throw new Error('the zone is gone');
      return version;
    },
    history: (zoneId, from, to, maxBytes) => readHistory(pool, zoneId, from, to, maxBytes),
  };
}

/** The records that a client gets, and those that the table has. */
async function received(images: Images, zone: PublishedZone): Promise<Set<string>> {
  const stream = await images.open(zone, (why) => {
    throw new Error(why);
  });
  const records = new Set<string>();
  for (let index = 0; ; index++) {
    const message = await stream.at(index);
    if (message === undefined) break;
    const header = Buffer.alloc(12);
    header.writeUInt16BE(message.answers, 6);
    if (index === 0) header.writeUInt16BE(1, 4);
    const question =
      index === 0 ? Buffer.concat([zone.nameWire, Buffer.from([0, TYPE.AXFR, 0, 1])]) : Buffer.alloc(0);
    const bytes = Buffer.concat([header, question, message.body]);
    expect(bytes.length).toBeLessThanOrEqual(16_384);
    for (const record of readMessage(bytes).answers) {
      if (record.type === TYPE.SOA) expect(record.rdata.equals(zone.soa)).toBe(true);
      else {
        const key = packRecords([record]).toString('hex');
        expect(records.has(key), 'each record once').toBe(false);
        records.add(key);
      }
    }
  }
  stream.close();
  return records;
}

async function inTable(zone: PublishedZone): Promise<Set<string>> {
  const records = new Set<string>();
  const version = await openVersion(store.pool, zone.zoneId);
  for await (const batch of version?.batches ?? []) {
    for (const record of unpackRecords(batch)) records.add(packRecords([record]).toString('hex'));
  }
  return records;
}

const host = (zone: string, n: number) =>
  `${n % 5 === 0 ? 'Case' : 'h'}${String(n).padStart(4, '0')}.${zone}`;

// edits as an operator's platform makes them: of few names and of many, of TTL and case alone
const edit = fc.oneof(
  fc.record({
    kind: fc.constant('add' as const),
    from: fc.nat(900),
    count: fc.integer({ min: 1, max: 400 }),
  }),
  fc.record({
    kind: fc.constant('delete' as const),
    from: fc.nat(900),
    count: fc.integer({ min: 1, max: 400 }),
  }),
  fc.record({ kind: fc.constant('ttl' as const), from: fc.nat(900), count: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constant('case' as const), from: fc.nat(900), count: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constant('escape' as const), from: fc.nat(20), count: fc.constant(1) }),
);

async function apply(
  zoneId: string,
  zone: string,
  { kind, from, count }: { kind: string; from: number; count: number },
) {
  const names = Array.from({ length: count }, (_, n) => host(zone, from + n));
  const owners = names.map((name) => name.toLowerCase());
  switch (kind) {
    case 'add':
      return store.operator.query(
        `insert into records (zone_id, name, type, ttl, content)
         select $1, n, t.type, 300, t.content from unnest($2::text[]) as n,
           (values ('A', '192.0.2.1'), ('MX', '10 Mail.Example.NET.'), ('TXT', '"v=spf1 include:_spf.example.net ~all"')) as t (type, content)
         where not exists (select from records r where r.zone_id = $1 and r.owner = lower(n))`,
        [zoneId, names],
      );
    case 'delete':
      return store.operator.query('delete from records where zone_id = $1 and owner = any ($2::text[])', [
        zoneId,
        owners,
      ]);
    case 'ttl':
      return store.operator.query(
        'update records set ttl = ttl + 1 where zone_id = $1 and owner = any ($2::text[])',
        [zoneId, owners],
      );
    case 'case':
      return store.operator.query(
        'update records set name = upper(name) where zone_id = $1 and owner = any ($2::text[])',
        [zoneId, owners],
      );
    default:
      return store.operator.query(
        `insert into records (zone_id, name, type, ttl, content) values ($1, $2, 'TXT', 60, '"a;b\\"c"')`,
        [zoneId, `a\\.b\\032${from}-${Math.floor(from / 3)}.${zone}`],
      );
  }
}

test('an image made from the one before it, and a condensed history, are what the tables have', async () => {
  let number = 0;
  let versions = 0;
  let opened = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(edit, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 6 }),
      async (changes) => {
        const name = `z${number++}.images.test.`;
        const id = await addZone(store, name);
        await apply(id, name, { kind: 'add', from: 100, count: 600 });
        await publishAll(store);
        const source = sourceOf(store.pool);
        const increments = new Increments(source, defaultLimits);
        const images = new Images(source, defaultLimits, (zone, from) => increments.history(zone, from));
        const current = async () => (await readCurrent(store.pool, [name])).get(name)!;
        const start = await current();
        const first = await received(images, start);
        expect(first).toEqual(await inTable(start));
        for (const edits of changes) {
          for (const one of edits) await apply(id, name, one);
          await publishAll(store);
          const zone = await current();
          const content = await inTable(zone);
          expect(await received(images, zone)).toEqual(content);
          versions++;
          if (zone.serial === start.serial) continue;
          const steps = (await increments.history(zone, start.serial))!;
          expect(steps).toHaveLength(1);
          const { oldSoa, newSoa, deleted, added } = steps[0]!;
          const kept = [oldSoa, newSoa, deleted, added].reduce((sum, { length }) => sum + length, 0);
          if (kept < 60_000) expect(newSoa.buffer.byteLength, 'keeps its own octets alone').toBe(kept);
          expect([...composeIncremental(zone, steps)]).toHaveLength(6);
          const replayed = new Set(first);
          for (const record of unpackRecords(steps[0]!.deleted)) {
            expect(replayed.delete(packRecords([record]).toString('hex')), 'deleted as it was').toBe(true);
          }
          for (const record of unpackRecords(steps[0]!.added))
            replayed.add(packRecords([record]).toString('hex'));
          expect(replayed).toEqual(content);
        }
        opened += source.opened;
      },
    ),
    { numRuns: 12 },
  );
  // Each zone was read whole once.
  expect(opened).toBe(number);
  expect(versions).toBeGreaterThan(number);
}, 180_000);
