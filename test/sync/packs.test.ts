import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../src/log.ts';
import type { Family, Look, Outcome } from '../../src/resolve/resolver.ts';
import { lookAtDue } from '../../src/sync/due.ts';
import type { LookResult } from '../../src/sync/look-result.ts';
import { Looker } from '../../src/sync/looker.ts';
import { addRecord, addZone, policy, publishAll, type TestStore, testStore } from '../support/store.ts';

const NAMES = Array.from({ length: 40 }, (_, index) => `cdn${index}.example.net.`);
let store: TestStore;
let lookers: Looker[];
let asked: string[];
let outcome: (target: string, family: Family) => Outcome | Promise<Outcome>;
let now: number;

beforeEach(async () => {
  store = await testStore();
  // ahead of the database, so that what was looked at is not due at once
  now = Date.UTC(2040, 0, 1);
  asked = [];
  outcome = (_, family) => found(family);
  lookers = [newLooker(), newLooker()];
  const zone = await addZone(store, 'a.test.');
  for (const [index, name] of NAMES.entries())
    await addRecord(store, zone, `n${index}.a.test.`, 'ALIAS', name);
  await publishAll(store);
  // the first look is decided on, the second brings them into packs
  await lookAgain();
  await lookAgain();
});
afterEach(async () => {
  for (const looker of lookers) await looker.stop();
  await store.close();
});

function found(family: Family, last = 1, ttl = 300): Outcome {
  return { kind: 'found', addresses: [family === 'A' ? `203.0.113.${last}` : `2001:db8::${last}`], ttl };
}

function newLooker(): Looker {
  const look = async (target: string, family: Family): Promise<Look> => {
    asked.push(`${target} ${family}`);
    return {
      ...{ target, family, outcome: await outcome(target, family), chain: [], authentic: false },
      ...{ resolver: '127.0.0.1:53', startedAt: now, ms: 1 },
    };
  };
  return new Looker({
    pool: store.pool,
    resolver: { look },
    policy,
    clock: { now: () => now },
    log: silentLog,
  });
}

async function lookAgain(looker = lookers[0]!): Promise<LookResult[]> {
  now += 300_000;
  await store.pool.query(`update alias_targets set due_at = now() where due_at < 'infinity'`);
  await store.pool.query('update steady_packs set due_at = now()');
  asked = [];
  const results: LookResult[] = [];
  await lookAtDue(store.pool, looker, {}, (result) => result && results.push(result));
  return results;
}

async function members(): Promise<string[]> {
  const { rows } = await store.pool.query<{ name: string }>(
    'select name from alias_targets where pack is not null order by name',
  );
  return rows.map(({ name }) => name);
}

test('targets at rest are asked for one by one, and written together', async () => {
  expect(await members()).toEqual([...NAMES].sort());
  const rows = () => store.pool.query('select name, xmin::text from alias_targets order by name');
  const before = (await rows()).rows;
  const results = await lookAgain();
  expect(results).toHaveLength(40);
  expect(new Set(asked)).toEqual(new Set(NAMES.flatMap((name) => [`${name} A`, `${name} AAAA`])));
  expect((await rows()).rows).toEqual(before);
  const { rows: packs } = await store.pool.query(
    'select extract(epoch from due_at - looked_at)::float8 * 1000 as due from steady_packs',
  );
  for (const { due } of packs) {
    expect(Math.round(due)).toBeGreaterThanOrEqual(300_000);
    expect(due).toBeLessThanOrEqual(330_000);
  }
});

test('one that moves is decided on with all the looks before it, and leaves; the others stay', async () => {
  await lookAgain();
  await store.pool.query('delete from zone_marks');
  outcome = (target, family) => found(family, target === NAMES[7] ? 2 : 1);
  const results = await lookAgain();
  expect(results.filter(({ changed }) => changed).map(({ name }) => name)).toEqual([NAMES[7]]);
  expect(await members()).toEqual(NAMES.filter((name) => name !== NAMES[7]).sort());
  const { rows: marks } = await store.pool.query('select owner from zone_marks');
  expect(marks).toEqual([{ owner: 'n7.a.test.' }]);
  const { rows } = await store.pool.query('select state from alias_targets where name = $1', [NAMES[7]]);
  expect(rows[0].state.evidence).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ family: 'A', addresses: ['203.0.113.1'], looks: 3 }),
      expect.objectContaining({ family: 'A', addresses: ['203.0.113.2'], looks: 1 }),
    ]),
  );
});

test('a family that is late does not hold the other back', async () => {
  const { promise: late, resolve } = Promise.withResolvers<Outcome>();
  outcome = (target, family) => {
    if (target !== NAMES[3]) return found(family);
    return family === 'A' ? found('A', 2) : late;
  };
  const looking = lookAgain();
  const a = () =>
    store.pool.query(`select from alias_targets where name = $1 and a_addresses = '{203.0.113.2}'`, [
      NAMES[3],
    ]);
  await expect.poll(async () => (await a()).rowCount, { timeout: 20_000 }).toBe(1);
  resolve(found('AAAA', 2));
  const results = await looking;
  expect(results.filter(({ changed }) => changed).map(({ name }) => name)).toEqual([NAMES[3]]);
});

test('those whose answers run out much sooner leave, and are due by themselves', async () => {
  outcome = (target, family) => found(family, 1, target === NAMES[5] ? 200 : 300);
  await lookAgain();
  expect(await members()).toEqual(NAMES.filter((name) => name !== NAMES[5]).sort());
  const { rows } = await store.pool.query(
    'select extract(epoch from due_at - looked_at)::float8 * 1000 as due from alias_targets where name = $1',
    [NAMES[5]],
  );
  expect(rows[0].due).toBeLessThanOrEqual(220_000);
});

test('two workers at once look at each target once', async () => {
  now += 300_000;
  await store.pool.query('update steady_packs set due_at = now()');
  asked = [];
  const counts = await Promise.all(lookers.map((looker) => lookAtDue(store.pool, looker, {})));
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(40);
  expect(asked).toHaveLength(80);
});

test('a worker that stops while it looks writes nothing of what it did not see, and the pack is due again', async () => {
  const { rows: before } = await store.pool.query('select id, looks from steady_packs order by id');
  const reached = Promise.withResolvers<void>();
  outcome = () => {
    reached.resolve();
    return new Promise<Outcome>(() => {});
  };
  const looking = lookAgain();
  await reached.promise;
  await lookers[0]!.stop();
  expect(await looking).toEqual([]);
  const { rows: after } = await store.pool.query(
    `select id, looks from steady_packs where due_at < 'infinity' order by id`,
  );
  expect(after).toEqual(before);
  const { rows: failing } = await store.pool.query('select from alias_targets where failures > 0');
  expect(failing).toEqual([]);

  outcome = (_, family) => found(family);
  expect(await lookAgain(lookers[1])).toHaveLength(40);
});
