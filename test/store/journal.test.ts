import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { pruneJournal } from '../../src/store/maintenance.ts';
import { readHistory } from '../../src/store/versions.ts';
import { addRecord, addZone, publishAll, serialOf, type TestStore, testStore } from '../support/store.ts';

let store: TestStore;
let zone: string;
let first: number;

const UNLIMITED = { versions: 10_000, bytes: 1e12, days: 3_650 };
const NAME = 'journal.test.';

beforeAll(async () => {
  store = await testStore();
});

afterAll(() => store.close());

/** A zone with six changes of one record each behind its first version. */
beforeEach(async () => {
  await store.operator.query('delete from zones');
  zone = await addZone(store, NAME);
  await publishAll(store);
  first = await serialOf(store, zone);
  for (let n = 1; n <= 6; n++) {
    await addRecord(store, zone, `h${n}.${NAME}`, 'TXT', `"${'x'.repeat(100)}"`);
    await publishAll(store);
  }
});

async function historyFrom(serial: number): Promise<number[] | undefined> {
  const steps = await readHistory(store.pool, zone, serial, await serialOf(store, zone), 1e9);
  return steps?.map((step) => step.fromSerial);
}

test('what is within the caps stays', async () => {
  expect(await pruneJournal(store.pool, UNLIMITED)).toBe(0);
  expect(await historyFrom(first)).toHaveLength(6);
});

test('the oldest versions go above a number of them, and what stays leads to the newest', async () => {
  expect(await pruneJournal(store.pool, { ...UNLIMITED, versions: 2 })).toBe(4);
  expect(await historyFrom(first)).toBeUndefined();
  expect(await historyFrom(first + 3)).toBeUndefined();
  expect(await historyFrom(first + 4)).toEqual([first + 4, first + 5]);
});

test('which are the oldest is told by their serials: clocks may have been set back', async () => {
  await store.pool.query(
    `update zone_changes set created_at = created_at + interval '3 hours' where from_serial < $1::bigint`,
    [first + 3],
  );
  expect(await pruneJournal(store.pool, { ...UNLIMITED, versions: 2 })).toBe(4);
  expect(await historyFrom(first + 4)).toEqual([first + 4, first + 5]);
});

test('the oldest versions go above a number of bytes', async () => {
  const { rows } = await store.operator.query<{ bytes: number }>(
    'select octet_length(deleted) + octet_length(added) as bytes from zone_changes limit 1',
  );
  const bytes = 3 * (rows[0]?.bytes ?? 0);
  expect(await pruneJournal(store.pool, { ...UNLIMITED, bytes })).toBe(3);
  expect(await historyFrom(first + 3)).toHaveLength(3);
  expect(await pruneJournal(store.pool, { ...UNLIMITED, bytes: 0 })).toBe(3);
  expect(await historyFrom(first + 5)).toBeUndefined();
});

test('versions go with age, and all that are older than one that goes', async () => {
  await store.pool.query(
    `update zone_changes set created_at = created_at - interval '31 days' where from_serial = any ($1::bigint[])`,
    [[first, first + 2]],
  );
  expect(await pruneJournal(store.pool, { ...UNLIMITED, days: 30 })).toBeGreaterThan(0);
  const left = await historyFrom(first + 3);
  expect(left).toEqual([first + 3, first + 4, first + 5]);
  expect(await historyFrom(first)).toBeUndefined();
});

test('where others were pruned before, zones that changed since and versions too old are looked at alone', async () => {
  const limits = { ...UNLIMITED, versions: 2, days: 30 };
  await store.pool.query(`update zone_changes set created_at = created_at - interval '2 days'`);
  const lately = new Date(Date.now() - 86_400_000);
  expect(await pruneJournal(store.pool, limits, lately)).toBe(0);
  await addRecord(store, zone, `newest.${NAME}`, 'A', '192.0.2.1');
  await publishAll(store);
  expect(await pruneJournal(store.pool, limits, lately)).toBe(5);
  expect(await historyFrom(first + 5)).toEqual([first + 5, first + 6]);
  await store.pool.query(
    `update zone_changes set created_at = created_at - interval '31 days' where from_serial = $1`,
    [first + 5],
  );
  expect(await pruneJournal(store.pool, limits, new Date(Date.now() + 86_400_000))).toBe(1);
  expect(await historyFrom(first + 6)).toEqual([first + 6]);
});
