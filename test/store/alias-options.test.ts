import { afterAll, beforeAll, expect, test } from 'vitest';
import { readDamping } from '../../src/store/damping.ts';
import { setZone } from '../../src/store/zones.ts';
import type { Seen } from '../../src/zone/alias/seen.ts';
import {
  addRecord,
  addZone,
  lookAt,
  publishAll,
  published,
  serialOf,
  type TestStore,
  testStore,
} from '../support/store.ts';

let store: TestStore;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());

const nodata: Seen = { kind: 'nodata' };
const found = (...addresses: string[]): Seen => ({ kind: 'found', addresses, ttl: 60 });

/** A zone whose www follows a target of its own, with these columns set. */
async function follower(name: string, target: string, columns = ''): Promise<{ id: string; record: string }> {
  const id = await addZone(store, name);
  const record = await addRecord(store, id, `www.${name}`, 'ALIAS', target);
  if (columns) await store.operator.query(`update records set ${columns} where id = $1`, [record]);
  await publishAll(store);
  return { id, record };
}

async function addresses(id: string): Promise<string[]> {
  return (await published(store, id))
    .filter((line) => / A /.test(line))
    .map((line) => line.split(' ')[3] ?? '');
}

async function looks(target: string, sets: string[][], from = 0): Promise<void> {
  for (const [index, set] of sets.entries())
    await lookAt(store, { [target]: { a: found(...set), aaaa: nodata } }, (from + index) * 60_000 + 1);
}

test('of one rotating target aliases with stable and with exact answers publish what they should, and only those concerned are marked', async () => {
  const target = 'rotating.example.';
  const stable = await follower('stable.test.', target);
  const exact = await follower('exact.test.', target, `answers = 'exact'`);
  const sets = [['192.0.2.1'], ['192.0.2.2'], ['192.0.2.1'], ['192.0.2.2'], ['192.0.2.1']];
  for (const [index] of sets.entries()) {
    await looks(target, sets.slice(index, index + 1), index);
    await publishAll(store);
  }
  // the last look showed the rotation: the stable one stays
  expect(await addresses(stable.id)).toEqual(['192.0.2.2']);
  expect(await addresses(exact.id)).toEqual(['192.0.2.1']);
  await looks(target, [['192.0.2.2']], 5);
  const { rows } = await store.operator.query('select zone_id from zone_marks');
  expect(rows).toEqual([{ zone_id: exact.id }]);
  await publishAll(store);
  expect(await addresses(exact.id)).toEqual(['192.0.2.2']);
  expect(await serialOf(store, exact.id)).toBe((await serialOf(store, stable.id)) + 2);
});

test('an edit of answers alone publishes the other set', async () => {
  const target = 'edited.example.';
  const { id, record } = await follower('edited.test.', target);
  await looks(target, [['192.0.2.1'], ['192.0.2.2'], ['192.0.2.1'], ['192.0.2.2'], ['192.0.2.1']]);
  await publishAll(store);
  expect(await addresses(id)).toEqual(['192.0.2.2']);
  await store.operator.query(`update records set answers = 'exact' where id = $1`, [record]);
  await publishAll(store);
  expect(await addresses(id)).toEqual(['192.0.2.1']);
  await looks(target, [['192.0.2.2', '192.0.2.3']], 6);
  await publishAll(store);
  expect(await addresses(id)).toEqual(['192.0.2.2', '192.0.2.3']);
});

test('a debug TXT comes and goes with its column, and moves with the target alone', async () => {
  const { id, record } = await follower('debug.test.', 'debug.example.', 'debug_txt = true');
  const text = async () => (await published(store, id)).filter((line) => line.includes(' TXT '));
  expect(await text()).toEqual(['www.debug.test. 3600 TXT "ALIAS for debug.example."']);
  await looks('debug.example.', [['192.0.2.1'], ['192.0.2.2']]);
  await publishAll(store);
  expect(await addresses(id)).toEqual(['192.0.2.2']);
  expect(await text()).toEqual(['www.debug.test. 3600 TXT "ALIAS for debug.example."']);
  await store.operator.query(`update records set content = 'other.example.' where id = $1`, [record]);
  await publishAll(store);
  expect(await text()).toEqual(['www.debug.test. 3600 TXT "ALIAS for other.example."']);
  await store.operator.query('update records set debug_txt = false where id = $1', [record]);
  await publishAll(store);
  expect(await text()).toEqual([]);
});

test('what is the same as before costs no serial', async () => {
  const { id, record } = await follower('same.test.', 'same.example.');
  const before = await serialOf(store, id);
  await store.operator.query(`update records set fallback = '{192.0.2.9}' where id = $1`, [record]);
  await publishAll(store);
  expect(await serialOf(store, id)).toBe(before);
  const { rows } = await store.operator.query('select has_fallback from aliases where zone_id = $1', [id]);
  expect(rows).toEqual([{ has_fallback: true }]);
});

test.each([
  [`answers = 'often'`, 'answers is stable or exact'],
  [`fallback = '{192.0.2.0/24}'`, 'fallback holds single addresses'],
  [`fallback = '{NULL}'`, 'fallback holds single addresses'],
  [`type = 'A', content = '192.0.2.1', debug_txt = true`, 'only an ALIAS has answers'],
])('refused by the database: %s', async (columns, message) => {
  const { rows } = await store.operator.query(`select id from records where type = 'ALIAS' limit 1`);
  await expect(
    store.operator.query(`update records set ${columns} where id = $1`, [rows[0].id]),
  ).rejects.toThrow(message);
});

test('answers wait for the floor of a zone, edits do not and take them along, nor do forced looks', async () => {
  const target = 'floor.example.';
  const { id } = await follower('floor.test.', target);
  await looks(target, [['192.0.2.1']]);
  await publishAll(store);
  expect(await addresses(id)).toEqual(['192.0.2.1']);
  await setZone(store.pool, 'floor.test.', { aliasFloor: 600 });
  await publishAll(store);
  const before = await serialOf(store, id);
  await looks(target, [['192.0.2.2']], 1);
  expect(await publishAll(store)).toEqual([]);
  expect(await addresses(id)).toEqual(['192.0.2.1']);

  await addRecord(store, id, 'new.floor.test.', 'A', '192.0.2.77');
  await publishAll(store);
  expect(await addresses(id)).toEqual(['192.0.2.77', '192.0.2.2']);
  expect(await serialOf(store, id)).toBe(before + 1);

  await lookAt(store, { [target]: { a: found('192.0.2.3'), aaaa: nodata } }, 180_000, 'damping');
  await publishAll(store);
  expect(await addresses(id)).toEqual(['192.0.2.77', '192.0.2.3']);

  await looks(target, [['192.0.2.4']], 4);
  expect(await publishAll(store)).toEqual([]);
  await store.pool.query(
    `update zones set published_at = published_at - interval '10 minutes' where id = $1`,
    [id],
  );
  await publishAll(store);
  expect(await addresses(id)).toEqual(['192.0.2.77', '192.0.2.4']);
});

test('plain moves of a target are no serials that rotation could have saved', async () => {
  const before = await readDamping(store.pool);
  const { id } = await follower('plain.test.', 'plain.example.');
  await looks('plain.example.', [['192.0.2.1'], ['192.0.2.2'], ['192.0.2.3']]);
  await publishAll(store);
  expect(await addresses(id)).toEqual(['192.0.2.3']);
  expect(await readDamping(store.pool)).toEqual(before);
});
