import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { nameKey } from '../../src/dns/name.ts';
import { typeToText } from '../../src/dns/types.ts';
import { silentLog } from '../../src/log.ts';
import { Hints } from '../../src/store/hints.ts';
import { openVersion } from '../../src/store/open-version.ts';
import { readHistory } from '../../src/store/versions.ts';
import { Publisher } from '../../src/sync/publisher.ts';
import { type StoredRecord, unpackRecords } from '../../src/zone/version.ts';
import { addZone, serialOf, type TestStore, testStore } from '../support/store.ts';

const WRITERS = 8;
const TRANSACTIONS = 60;

const keyOf = (record: StoredRecord) =>
  `${nameKey(record.name)} ${record.ttl} ${typeToText(record.type)} ${record.rdata.toString('hex')}`;

async function contentOf(store: TestStore, zoneId: string): Promise<Set<string>> {
  const version = await openVersion(store.pool, zoneId);
  const content = new Set<string>();
  for await (const batch of version?.batches ?? [])
    for (const record of unpackRecords(batch)) content.add(keyOf(record));
  return content;
}

test('eight SQL writers against two publishers: no transaction is split, and the journal replays to the table', async () => {
  const store = await testStore();
  const zones = [
    await addZone(store, 'one.test.'),
    await addZone(store, 'two.test.'),
    await addZone(store, 'three.test.'),
  ];
  const names = ['one.test.', 'two.test.', 'three.test.'];
  const hints = new Hints(store.url, () => {});
  hints.start();
  const publishers = [1, 2].map(
    () =>
      new Publisher({
        pool: store.pool,
        hints,
        clock: { now: Date.now },
        log: silentLog,
        serialPolicy: 'increment',
        batch: 2,
      }),
  );
  for (const publisher of publishers) publisher.start();
  for (const zone of zones) while (!(await serialOf(store, zone))) await pause(10);
  const before = await Promise.all(zones.map((zone) => contentOf(store, zone)));
  const startSerials = await Promise.all(zones.map((zone) => serialOf(store, zone)));

  // every transaction of a writer changes a pair of names, x<n> and y<n>, to the same address in each zone
  let deadlocks = 0;
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      for (let round = 0; round < TRANSACTIONS; round++) {
        const client = await store.operator.connect();
        const level = ['read committed', 'repeatable read', 'serializable'][round % 3];
        try {
          await client.query(`begin isolation level ${level}`);
          for (const [index, zone] of zones.entries()) {
            const address = `10.${writer}.${round >> 8}.${round & 255}`;
            for (const pair of ['x', 'y']) {
              const name = `${pair}${writer}.${names[index]}`;
              await client.query('delete from records where zone_id = $1 and name = $2', [zone, name]);
              await client.query(
                `insert into records (zone_id, name, type, content) values ($1, $2, 'A', $3)`,
                [zone, name, address],
              );
            }
          }
          if (round % 7 === 0)
            await client.query('update zones set minimum = $2 where id = $1', [
              zones[writer % 3],
              100 + round,
            ]);
          await client.query(round % 5 === 4 ? 'rollback' : 'commit');
        } catch (error) {
          await client.query('rollback');
          if ((error as { code?: string }).code === '40P01') deadlocks++;
          else if ((error as { code?: string }).code !== '40001') throw error;
        } finally {
          client.release();
        }
      }
    }),
  );
  const waiting = async () =>
    Number((await store.operator.query('select count(*) from zone_marks')).rows[0].count);
  while ((await waiting()) > 0) await pause(20);
  for (const publisher of publishers) await publisher.stop();
  await hints.stop();

  expect(deadlocks).toBe(0);
  for (const [index, zone] of zones.entries()) {
    const replayed = before[index] ?? new Set();
    const end = await serialOf(store, zone);
    const steps = await readHistory(store.pool, zone, startSerials[index] ?? 0, end, 1e9);
    expect(steps?.length).toBeGreaterThan(10);
    for (const step of steps ?? []) {
      for (const record of unpackRecords(step.deleted))
        expect(replayed.delete(keyOf(record)), 'a deleted record was there').toBe(true);
      for (const record of unpackRecords(step.added)) {
        expect(replayed.has(keyOf(record)), 'an added record was not there').toBe(false);
        replayed.add(keyOf(record));
      }
      for (let writer = 0; writer < WRITERS; writer++) {
        const of = (pair: string) =>
          [...replayed].find((key) => key.startsWith(`${pair}${writer}.`))?.split(' A ')[1];
        expect(of('x'), `serial ${step.toSerial}: both names of writer ${writer} changed together`).toBe(
          of('y'),
        );
      }
    }
    expect(replayed).toEqual(await contentOf(store, zone));
    const { rows } = await store.operator.query(
      `select count(*) as sources from records where zone_id = $1 and type = 'A'`,
      [zone],
    );
    expect(replayed.size - 1).toBe(Number(rows[0].sources));
  }
  await store.close();
}, 120_000);
