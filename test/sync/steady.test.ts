import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../src/log.ts';
import type { Family, Look, Outcome } from '../../src/resolve/resolver.ts';
import { inFlow, lookAtDue } from '../../src/sync/due.ts';
import { Looker } from '../../src/sync/looker.ts';
import { addRecord, addZone, policy, publishAll, type TestStore, testStore } from '../support/store.ts';

const NAME = 'cdn.example.net.';
let store: TestStore;
let looker: Looker;
let outcome: (family: Family) => Outcome | Promise<Outcome>;
let now: number;

beforeEach(async () => {
  store = await testStore();
  now = 1_700_000_000_000;
  outcome = (family) => ({
    kind: 'found',
    addresses: [family === 'A' ? '203.0.113.1' : '2001:db8::1'],
    ttl: 300,
  });
  const look = async (target: string, family: Family): Promise<Look> => ({
    ...{ target, family, outcome: await outcome(family), chain: [], authentic: false },
    ...{ resolver: '127.0.0.1:53', startedAt: now, ms: 1 },
  });
  looker = new Looker({
    pool: store.pool,
    resolver: { look },
    policy,
    clock: { now: () => now },
    log: silentLog,
  });
  await addRecord(store, await addZone(store, 'a.test.'), 'a.test.', 'ALIAS', NAME);
  await publishAll(store);
});
afterEach(async () => {
  await looker.stop();
  await store.close();
});

async function lookAgain(): Promise<{ written: string; steady_looks: number; marks: number; due: number }> {
  now += 300_000;
  await store.pool.query('delete from zone_marks');
  await store.pool.query('update alias_targets set due_at = now()');
  expect(await lookAtDue(store.pool, looker, {})).toBe(1);
  const { rows } = await store.pool.query(
    `select state::text as written, steady_looks, (select count(*)::integer from zone_marks) as marks,
       extract(epoch from due_at - now())::float8 * 1000 as due from alias_targets`,
  );
  return rows[0];
}

test('a look that finds what is known writes times alone; one that does not is decided on with all the looks before it', async () => {
  const first = await lookAgain();
  expect(first).toMatchObject({ steady_looks: 0, marks: 1 });
  const second = await lookAgain();
  const third = await lookAgain();
  expect(third).toMatchObject({ written: first.written, steady_looks: 2, marks: 0 });
  expect(third.due).toBeGreaterThan(260_000);
  expect(second.written).toBe(first.written);

  outcome = (family) => ({
    kind: 'found',
    addresses: [family === 'A' ? '203.0.113.2' : '2001:db8::1'],
    ttl: 300,
  });
  const moved = await lookAgain();
  expect(moved).toMatchObject({ steady_looks: 0, marks: 1 });
  const { evidence } = JSON.parse(moved.written);
  expect(evidence).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ family: 'A', addresses: ['203.0.113.2'], looks: 1 }),
      expect.objectContaining({ family: 'A', addresses: ['203.0.113.1'], looks: 3 }),
      expect.objectContaining({ family: 'AAAA', looks: 4, to: now }),
    ]),
  );
});

test('a failure after steady looks holds what is published, and the next look is decided on', async () => {
  await lookAgain();
  await lookAgain();
  outcome = () => ({ kind: 'failed', reason: 'timeout', detail: 'silence' });
  const failed = await lookAgain();
  expect(failed).toMatchObject({ steady_looks: 0, marks: 0 });
  expect(JSON.parse(failed.written)).toMatchObject({ failures: 1, a: { addresses: ['203.0.113.1'] } });
});

test('a target that somebody changed while it was looked at is decided on', async () => {
  const first = await lookAgain();
  const steady = outcome;
  outcome = async (family) => {
    await store.pool.query(`update alias_targets set steady = 'another'`);
    return steady(family);
  };
  await lookAgain();
  const { rows } = await store.pool.query('select steady, state::text as written from alias_targets');
  expect(rows[0].steady).not.toBe('another');
  expect(rows[0].written).not.toBe(first.written);
});

test('pages are worked through in a flow, and never more than one and a half of them are under way', async () => {
  const pages = [4, 4, 3].map((size) => Array.from({ length: size }, (_, index) => index));
  const release: (() => void)[] = [];
  let most = 0;
  const flow = inFlow(
    4,
    async () => pages.shift() ?? [],
    () =>
      new Promise<void>((resolve) => {
        release.push(resolve);
        most = Math.max(most, release.length);
      }),
  );
  const releasing = setInterval(() => release.shift()?.(), 2);
  expect(await flow).toBe(11);
  clearInterval(releasing);
  expect(most).toBeLessThanOrEqual(6);
  expect(pages).toEqual([]);
});

test('a next look farther ahead than any is put, as after a clock was set back, is made now; one within the hour waits', async () => {
  const put = (ahead: string) =>
    store.pool.query('update alias_targets set due_at = now() + $1::interval', [ahead]);
  await put('55 minutes');
  expect(await lookAtDue(store.pool, looker, {})).toBe(0);
  await put('30 hours');
  expect(await lookAtDue(store.pool, looker, {})).toBe(1);
  await store.pool.query(
    `with pack as (insert into steady_packs (due_at, looked_at, looks) values (now() + interval '30 hours', now(), 0) returning id)
     update alias_targets set pack = pack.id, due_at = 'infinity' from pack`,
  );
  await lookAtDue(store.pool, looker, {});
  const { rows } = await store.pool.query(
    `select extract(epoch from least(t.due_at, p.due_at) - now()) < 3660 as soon from alias_targets t left join steady_packs p on p.id = t.pack`,
  );
  expect(rows).toEqual([{ soon: true }]);
});
