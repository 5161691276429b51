import { afterEach, beforeEach, expect, test } from 'vitest';
import { claimDuePacks, dropEmptyPacks, writePackLooks } from '../../src/store/packs.ts';
import { writeSteady } from '../../src/store/steady.ts';
import { claimDueTargets, hastenTargets, targetsOf } from '../../src/store/targets.ts';
import type { Seen } from '../../src/zone/alias/seen.ts';
import { addRecord, addZone, lookAt, publishAll, type TestStore, testStore } from '../support/store.ts';

const NAMES = Array.from({ length: 6 }, (_, index) => `cdn${index}.example.net.`);
const LOOKED_AT = Date.UTC(2026, 0, 1);
const HOURS = 1_000;
const DUE_IN = HOURS * 3_600_000; // ms
let store: TestStore;
let keys: Map<string, string>;

beforeEach(async () => {
  store = await testStore();
  const zone = await addZone(store, 'a.test.');
  for (const [index, name] of NAMES.entries())
    await addRecord(store, zone, `n${index}.a.test.`, 'ALIAS', name);
  await publishAll(store);
  const found = (address: string): Seen => ({
    kind: 'found',
    addresses: [address],
    ttl: 300,
    resolver: '127.0.0.1:53',
  });
  const look = { a: found('203.0.113.1'), aaaa: found('2001:db8::1') };
  await lookAt(store, Object.fromEntries(NAMES.map((name) => [name, look])), LOOKED_AT);
  await store.pool.query('update alias_targets set due_at = now()');
  const taken = await claimDueTargets(store.pool, 100, 60);
  keys = new Map(taken.map(({ name, steady }) => [name, steady ?? '']));
});
afterEach(() => store.close());

/** The first four in a pack of their own, the others by themselves. */
function pack(): Promise<Set<string>> {
  return writeSteady(
    store.pool,
    NAMES.map((name, index) => ({
      name,
      steady: keys.get(name) ?? '',
      dueIn: DUE_IN,
      ...(index < 4 && { pack: 0 }),
    })),
  );
}

async function packs(): Promise<{ id: string; hours: number; looks: number }[]> {
  const { rows } = await store.pool.query(
    'select id, round(extract(epoch from due_at - now()) / 3600)::integer as hours, looks from steady_packs order by id',
  );
  return rows;
}

const makeDue = () => store.pool.query('update steady_packs set due_at = now()');

async function looksOf(name: string): Promise<number[]> {
  const targets = await targetsOf(store.pool, undefined, '', 100);
  const target = targets.find((one) => one.name === name);
  return target?.state.evidence.map(({ looks }) => looks) ?? [];
}

test('targets go into a pack with a steady look, which is due as a whole; the others stay by themselves', async () => {
  expect(await pack()).toEqual(new Set(NAMES));
  expect(await packs()).toMatchObject([{ hours: HOURS }]);
  expect(await claimDuePacks(store.pool, 10, 60)).toEqual([]);

  await makeDue();
  const [taken, ...others] = await claimDuePacks(store.pool, 10, 60);
  expect(others).toEqual([]);
  expect(taken?.targets.map(({ name }) => name).sort()).toEqual(NAMES.slice(0, 4));
  for (const { name, steady } of taken?.targets ?? []) expect(steady).toBe(keys.get(name));
  expect(await claimDueTargets(store.pool, 100, 60)).toEqual([]);
});

test('a look at a pack counts for each of its targets, and writes no row of theirs', async () => {
  await pack();
  await makeDue();
  const rows = () => store.pool.query('select name, xmin::text from alias_targets order by name');
  const before = (await rows()).rows;
  const [taken] = await claimDuePacks(store.pool, 10, 60);
  await writePackLooks(store.pool, [{ id: taken!.id, looks: taken!.looks, dueIn: DUE_IN }]);
  expect((await rows()).rows).toEqual(before);
  expect(await packs()).toEqual([{ id: taken!.id, hours: HOURS, looks: taken!.looks + 1 }]);
  expect(await looksOf(NAMES[0]!)).toEqual([3, 3]);
  expect(await looksOf(NAMES[5]!)).toEqual([2, 2]);
});

test('two workers share the packs; what one of them left is taken over when its lease ends, and written once', async () => {
  await pack();
  await makeDue();
  const [first, second] = await Promise.all([
    claimDuePacks(store.pool, 10, 60),
    claimDuePacks(store.pool, 10, 60),
  ]);
  expect(first.length + second.length).toBe(1);
  const [stalled] = [...first, ...second];
  await makeDue();
  const [taken] = await claimDuePacks(store.pool, 10, 60);
  expect(taken).toEqual(stalled);
  await writePackLooks(store.pool, [{ id: taken!.id, looks: taken!.looks, dueIn: DUE_IN }]);
  await writePackLooks(store.pool, [{ id: stalled!.id, looks: stalled!.looks, dueIn: 0 }]);
  expect(await packs()).toEqual([{ id: taken!.id, hours: HOURS, looks: taken!.looks + 1 }]);
});

test('a target that is decided on leaves its pack with all the looks of the pack; an empty pack is forgotten', async () => {
  await pack();
  await makeDue();
  const [taken] = await claimDuePacks(store.pool, 10, 60);
  await writePackLooks(store.pool, [{ id: taken!.id, looks: taken!.looks, dueIn: DUE_IN }]);
  const failed = { kind: 'failed', reason: 'timeout', detail: 'silence' } as const;
  await store.pool.query(`update alias_targets set due_at = now() where name = $1`, [NAMES[0]]);
  const { written } = await lookAt(store, { [NAMES[0]!]: { a: failed, aaaa: failed } });
  expect(written.get(NAMES[0]!)?.decision.state.evidence.map(({ looks }) => looks)).toEqual([1, 1, 3, 3]);
  await makeDue();
  const [rest] = await claimDuePacks(store.pool, 10, 60);
  expect(rest?.targets.map(({ name }) => name).sort()).toEqual([]);

  // all were made due by themselves above: each forms a pack of its own
  await writeSteady(
    store.pool,
    NAMES.slice(1).map((name, number) => ({
      name,
      steady: keys.get(name) ?? '',
      dueIn: DUE_IN,
      pack: number,
    })),
  );
  await dropEmptyPacks(store.pool);
  expect((await packs()).map(({ id }) => id)).not.toContain(taken!.id);
  expect(await packs()).toHaveLength(5);
});

test('a target that is wanted sooner than its pack is looked at by itself', async () => {
  await pack();
  await store.pool.query('update alias_targets set failures = 1 where name = $1', [NAMES[1]]);
  await hastenTargets(store.pool, NAMES);
  expect((await claimDueTargets(store.pool, 100, 60)).map(({ name }) => name)).toEqual([NAMES[1]]);
  await makeDue();
  const [taken] = await claimDuePacks(store.pool, 10, 60);
  expect(taken?.targets.map(({ name }) => name)).not.toContain(NAMES[1]);
  expect(taken?.targets).toHaveLength(3);
});

test('those that are guarded, and all of a pack that had many looks, come without a key: they are decided on', async () => {
  await pack();
  await store.pool.query('update alias_targets set guarded = true where name = $1', [NAMES[2]]);
  await makeDue();
  const [taken] = await claimDuePacks(store.pool, 10, 60);
  const keyless = taken?.targets.filter(({ steady }) => steady === undefined).map(({ name }) => name);
  expect(keyless).toEqual([NAMES[2]]);
  await store.pool.query('update steady_packs set looks = 100, due_at = now()');
  const [old] = await claimDuePacks(store.pool, 10, 60);
  expect(old?.targets.every(({ steady }) => steady === undefined)).toBe(true);
});

test('a look at a target that was decided on meanwhile is not written, nor does it bring it into a pack', async () => {
  await store.pool.query(`update alias_targets set steady = 'another' where name = $1`, [NAMES[0]]);
  expect(await pack()).toEqual(new Set(NAMES.slice(1)));
  await makeDue();
  const [taken] = await claimDuePacks(store.pool, 10, 60);
  expect(taken?.targets.map(({ name }) => name)).not.toContain(NAMES[0]);
});
