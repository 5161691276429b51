import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeLooks } from '../../src/store/looks.ts';
import { decide } from '../../src/zone/alias/decide.ts';
import type { TargetLook } from '../../src/zone/alias/seen.ts';
import type { TargetState } from '../../src/zone/alias/state.ts';
import { type GuardPolicy, guardPolicy } from '../../src/zone/guard.ts';
import {
  addRecord,
  addZone,
  lookAt,
  policy,
  publishAll,
  published,
  type TestStore,
  testStore,
} from '../support/store.ts';

let store: TestStore;
let now = 0;
beforeEach(async () => {
  store = await testStore();
  now = Date.UTC(2026, 0, 1);
});
afterEach(() => store.close());

const found = (address: string): TargetLook => ({
  a: { kind: 'found', addresses: [address], ttl: 300, resolver: 'r1' },
  aaaa: { kind: 'nodata', resolver: 'r1' },
});
const denied: TargetLook = {
  a: { kind: 'nxdomain', resolver: 'r1' },
  aaaa: { kind: 'nxdomain', resolver: 'r1' },
};
const target = (index: number) => `t${index}.example.net.`;

function guards(changes: Partial<Pick<GuardPolicy, 'empty' | 'change' | 'apex'>> = {}): GuardPolicy {
  return guardPolicy({ empty: 20, change: 50, apex: false, ...changes }, policy);
}

/** A zone whose aliases follow so many targets, one each, all of them published. */
async function aliases(count: number, name = 'a.test.'): Promise<string> {
  const zoneId = await addZone(store, name);
  await store.operator.query(
    `insert into records (zone_id, name, type, content)
     select $1, 'n' || i || '.' || $3, 'ALIAS', 't' || i || '.example.net.' from generate_series(0, $2 - 1) as i`,
    [zoneId, count, name],
  );
  await publishAll(store);
  await look(0, count, found('192.0.2.1'));
  await publishAll(store);
  return zoneId;
}

async function look(from: number, to: number, answer: TargetLook, policyOfGuards = guards()) {
  const answers = Object.fromEntries(
    Array.from({ length: to - from }, (_, index) => [target(from + index), answer]),
  );
  return lookAt(store, answers, now, undefined, policyOfGuards);
}

const addressesOf = async (zoneId: string) =>
  (await published(store, zoneId)).filter((line) => / A /.test(line)).length;
const rows = async (state: string) =>
  Number(
    (await store.operator.query('select count(*) from guarded_targets where state = $1', [state])).rows[0]
      .count,
  );

describe('guard empty', () => {
  test('holds more than the share, and not fewer than 20 aliases', async () => {
    const zoneId = await aliases(100);
    await look(0, 19, denied);
    now += policy.negativeHold;
    expect((await look(0, 19, denied)).written.get(target(0))?.heldBy).toBeUndefined();
    await publishAll(store);
    expect(await addressesOf(zoneId)).toBe(81);

    await look(19, 21, denied);
    now += policy.negativeHold;
    const { written } = await look(19, 21, denied);
    expect(written.get(target(19))).toMatchObject({
      heldBy: { guard: 'empty', concerned: 21, total: 100, limit: 20 },
      decision: { changed: false },
    });
    await publishAll(store);
    expect(await addressesOf(zoneId)).toBe(81);
    expect(await rows('held')).toBe(2);
  });

  test('an incident that trickles in counts from its first denial on: nothing of it is lost before the limit', async () => {
    const zoneId = await aliases(100);
    for (let index = 0; index < 40; index += 4) {
      await look(index, index + 4, denied);
      now += 60_000;
    }
    now += policy.negativeHold;
    await look(0, 4, denied);
    await publishAll(store);
    expect(await addressesOf(zoneId)).toBe(100);
    // half of them are there again: what is left is below the limit, and goes
    await look(4, 22, found('192.0.2.1'));
    await look(22, 40, found('192.0.2.2'));
    expect((await look(0, 4, denied)).written.get(target(0))?.heldBy).toBeUndefined();
    await publishAll(store);
    expect(await addressesOf(zoneId)).toBe(96);
    expect([await rows('held'), await rows('expected')]).toEqual([0, 0]);
    const { rowCount } = await store.operator.query('select from alias_targets where guarded');
    expect(rowCount).toBe(4);
  });

  test('losses that lie a window back count no more, but time alone releases nothing that is held', async () => {
    await aliases(100);
    await look(0, 19, denied);
    now += policy.negativeHold;
    await look(0, 19, denied);
    await store.pool.query(`update guarded_targets set at = at - interval '2 hours'`);
    await look(19, 38, denied);
    now += policy.negativeHold;
    expect((await look(19, 38, denied)).written.get(target(19))?.heldBy).toBeUndefined();
    await look(38, 40, denied);
    now += policy.negativeHold;
    expect((await look(38, 40, denied)).written.get(target(38))?.heldBy).toMatchObject({ concerned: 21 });
    await store.pool.query(`update guarded_targets set at = at - interval '2 hours'`);
    now += 7_200_000;
    expect((await look(38, 40, denied)).written.get(target(38))?.heldBy).toMatchObject({ concerned: 21 });
  });

  test('workers side by side never pass the limit together', async () => {
    const zoneId = await aliases(200);
    await look(0, 200, denied, guards({ empty: 100 }));
    // nothing is expected: only what the workers do counts
    await store.pool.query('delete from guarded_targets');
    now += policy.negativeHold;
    const worker = async (from: number) => {
      for (let index = from; index < 200; index += 40) {
        const names = Array.from({ length: 10 }, (_, offset) => target(index + offset));
        await writeLooks(
          store.pool,
          names.map((name) => ({
            name,
            decide: (before: TargetState) => decide(before, denied, policy, now),
          })),
          guards(),
        );
      }
    };
    await Promise.all([worker(0), worker(10), worker(20), worker(30)]);
    await publishAll(store);
    expect(await rows('done')).toBe(40);
    expect(await addressesOf(zoneId)).toBe(160);
  });

  test('an ALIAS that never published anything loses nothing; one that keeps what stood there before does', async () => {
    await aliases(100);
    const zoneId = await addZone(store, 'b.test.');
    for (let index = 0; index < 30; index++)
      await addRecord(store, zoneId, `n${index}.b.test.`, 'ALIAS', `new${index}.example.net.`);
    await publishAll(store);
    const news = Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [`new${index}.example.net.`, denied]),
    );
    await lookAt(store, news, now, undefined, guards());
    now += policy.negativeHold;
    const { written } = await lookAt(store, news, now, undefined, guards());
    expect(written.get('new0.example.net.')?.heldBy).toBeUndefined();
    expect(written.get('new0.example.net.')?.decision.state.answered).toBe(true);

    await store.operator.query(
      `update records set content = 'other' || id || '.example.net.' where type = 'ALIAS' and name like '%.a.test.'`,
    );
    await publishAll(store);
    const { rows: others } = await store.operator.query(
      `select name from alias_targets where name like 'other%'`,
    );
    const edited = Object.fromEntries(others.map(({ name }) => [name, denied]));
    await lookAt(store, edited, now, undefined, guards());
    now += policy.negativeHold;
    const { written: held } = await lookAt(store, edited, now, undefined, guards());
    expect(held.get(others[0].name)?.heldBy).toMatchObject({ concerned: 100, total: 130 });
  });
});

describe('guard change', () => {
  const moved = (index: number, opinion?: TargetLook) => ({
    name: target(index),
    decide: (before: TargetState) => decide(before, found('192.0.2.9'), policy, now),
    ...(opinion && { opinion }),
  });
  const move = (from: number, to: number, opinion?: TargetLook, policyOfGuards = guards()) =>
    writeLooks(
      store.pool,
      Array.from({ length: to - from }, (_, index) => moved(from + index, opinion)),
      policyOfGuards,
    );

  test('above the share another resolver is asked; what it confirms goes out, what it denies is held', async () => {
    const zoneId = await aliases(100);
    expect((await move(0, 50)).unsure.size).toBe(0);
    expect([...(await move(50, 52)).unsure]).toEqual([target(50), target(51)]);
    const confirmed = await move(50, 51, found('192.0.2.9'));
    expect(confirmed.written.get(target(50))?.heldBy).toBeUndefined();
    const disputed = await move(51, 53, found('192.0.2.1'));
    expect(disputed.written.get(target(51))?.heldBy).toMatchObject({
      guard: 'change',
      concerned: 53,
      total: 100,
      limit: 50,
    });
    await publishAll(store);
    const lines = await published(store, zoneId);
    expect(lines.filter((line) => line.endsWith('192.0.2.9'))).toHaveLength(51);
    // a third set says nothing of the change, and a failed look neither
    expect((await move(53, 54, found('192.0.2.77'))).written.get(target(53))?.heldBy).toBeUndefined();
    const failed: TargetLook = { a: { kind: 'failed', reason: 'timeout', detail: 'silent' } };
    expect((await move(54, 55, failed)).written.get(target(54))?.heldBy).toBeUndefined();
    expect((await move(55, 56, denied)).written.get(target(55))?.heldBy).toBeDefined();

    // the minute is over, and few are held: they are released
    await store.pool.query(`update guarded_targets set at = at - interval '2 minutes'`);
    now += 120_000;
    expect((await move(51, 53)).written.get(target(51))).toMatchObject({
      heldBy: undefined,
      decision: { changed: true },
    });
  });

  test('what goes back by itself is held no more', async () => {
    await aliases(100);
    await move(0, 50);
    await move(50, 60, found('192.0.2.1'));
    expect(await rows('held')).toBe(10);
    await look(50, 60, found('192.0.2.1'));
    expect(await rows('held')).toBe(0);
  });

  test('with one resolver nothing is asked, and nothing is written of it', async () => {
    await aliases(100);
    expect((await move(0, 100, undefined, guards({ change: 100 }))).unsure.size).toBe(0);
    expect(await rows('done')).toBe(0);
  });
});

describe('guard apex', () => {
  test('an apex keeps its last addresses, its status says why, and the target that answers again ends it', async () => {
    const zoneId = await addZone(store, 'a.test.');
    await addRecord(store, zoneId, 'a.test.', 'ALIAS', target(0));
    await addRecord(store, zoneId, 'www.a.test.', 'ALIAS', target(0));
    await publishAll(store);
    await look(0, 1, found('192.0.2.1'));
    await publishAll(store);
    const apex = guards({ apex: true });
    await look(0, 1, denied, apex);
    now += policy.negativeHold;
    await look(0, 1, denied, apex);
    await publishAll(store);
    const addresses = async () => (await published(store, zoneId)).filter((line) => / A /.test(line));
    expect(await addresses()).toEqual(['a.test. 300 A 192.0.2.1']);
    expect(
      (await store.operator.query('select owner, held_reason from aliases order by owner')).rows,
    ).toEqual([
      {
        owner: 'a.test.',
        held_reason:
          'guard apex: the target has no addresses any more, and a.test. keeps its last ones: `zoneferry resync a.test. --force` publishes it',
      },
      { owner: 'www.a.test.', held_reason: null },
    ]);
    await look(0, 1, denied, apex);
    await look(0, 1, found('192.0.2.2'), apex);
    await publishAll(store);
    expect(await addresses()).toEqual(['a.test. 300 A 192.0.2.2', 'www.a.test. 300 A 192.0.2.2']);
    expect(
      (await store.operator.query('select held_reason from aliases where held_reason is not null')).rows,
    ).toEqual([]);
    expect((await store.operator.query('select from alias_overrides')).rowCount).toBe(0);
    expect((await store.operator.query('select from alias_targets where guarded')).rowCount).toBe(0);
  });
});

describe('--force', () => {
  const force = (zoneIds: string[], answer: TargetLook, index = 0, policyOfGuards = guards()) =>
    writeLooks(
      store.pool,
      [
        {
          name: target(index),
          decide: (before) => decide(before, answer, policy, now),
          forced: { zoneIds, decide: (before) => decide(before, answer, policy, now, 'everything') },
        },
      ],
      policyOfGuards,
    );
  const addresses = async (zoneId: string) =>
    (await published(store, zoneId)).filter((line) => / A /.test(line));

  async function two(): Promise<[string, string]> {
    const ids = [await addZone(store, 'a.test.'), await addZone(store, 'b.test.')] as [string, string];
    await addRecord(store, ids[0], 'a.test.', 'ALIAS', target(0));
    await addRecord(store, ids[1], 'b.test.', 'ALIAS', target(0));
    await publishAll(store);
    await look(0, 1, found('192.0.2.1'));
    await publishAll(store);
    return ids;
  }

  test('takes a denial at its word for the zones named alone, until the target answers again', async () => {
    const [a, b] = await two();
    const { written } = await force([a], denied);
    expect(written.get(target(0))).toMatchObject({ forcedSome: true, decision: { changed: false } });
    await publishAll(store);
    expect([await addresses(a), (await addresses(b)).length]).toEqual([[], 1]);
    // a failed look and a further denial change nothing of it
    const failed = { kind: 'failed', reason: 'servfail', detail: 'x' } as const;
    await look(0, 1, { a: failed, aaaa: failed });
    await look(0, 1, denied);
    await publishAll(store);
    expect([await addresses(a), (await addresses(b)).length]).toEqual([[], 1]);
    await look(0, 1, found('192.0.2.1'));
    await publishAll(store);
    expect([(await addresses(a)).length, (await addresses(b)).length]).toEqual([1, 1]);
    expect((await store.operator.query('select from alias_overrides')).rowCount).toBe(0);
  });

  test('passes the floor between the serials of a zone, for what had waited and for what is new', async () => {
    const [a, b] = await two();
    await store.operator.query('update zones set alias_floor = 3600');
    await publishAll(store);
    await store.pool.query('update zones set published_at = now()');
    await look(0, 1, found('192.0.2.2'));
    await publishAll(store);
    expect(await addresses(a)).toEqual(['a.test. 300 A 192.0.2.1']);
    await force([a], found('192.0.2.2'));
    await publishAll(store);
    expect(await addresses(a)).toEqual(['a.test. 300 A 192.0.2.2']);
    await force([a], found('192.0.2.3'));
    await publishAll(store);
    expect([await addresses(a), await addresses(b)]).toEqual([
      ['a.test. 300 A 192.0.2.3'],
      ['b.test. 300 A 192.0.2.1'],
    ]);
  });

  test('passes guards for the zones named alone', async () => {
    const zoneId = await aliases(100);
    const other = await addZone(store, 'b.test.');
    await addRecord(store, other, 'b.test.', 'ALIAS', target(0));
    await publishAll(store);
    await look(0, 40, denied);
    now += policy.negativeHold;
    await look(0, 40, denied);
    await publishAll(store);
    expect(await addressesOf(zoneId)).toBe(100);
    await force([other], denied);
    await publishAll(store);
    expect([await addressesOf(zoneId), await addresses(other)]).toEqual([100, []]);
    await force([zoneId], denied, 0, guards({ apex: true }));
    await publishAll(store);
    expect(await addressesOf(zoneId)).toBe(99);
  });

  test('empties an apex that the guard keeps', async () => {
    const [a, b] = await two();
    const apex = guards({ apex: true });
    await look(0, 1, denied, apex);
    now += policy.negativeHold;
    await look(0, 1, denied, apex);
    await publishAll(store);
    expect([(await addresses(a)).length, (await addresses(b)).length]).toEqual([1, 1]);
    await force([a], denied, 0, apex);
    await publishAll(store);
    expect([(await addresses(a)).length, (await addresses(b)).length]).toEqual([0, 1]);
  });

  test('an ALIAS that was forced and then edited follows its new target', async () => {
    const [a] = await two();
    await force([a], denied);
    await publishAll(store);
    await addRecord(store, a, 'n.a.test.', 'ALIAS', target(1));
    await publishAll(store);
    await lookAt(store, { [target(1)]: found('192.0.2.5') }, now);
    await store.operator.query(`update records set content = $1 where type = 'ALIAS' and zone_id = $2`, [
      target(1),
      a,
    ]);
    await publishAll(store);
    expect(await addresses(a)).toEqual(['a.test. 300 A 192.0.2.5', 'n.a.test. 300 A 192.0.2.5']);
  });
});
