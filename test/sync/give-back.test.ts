import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../src/log.ts';
import type { Family, Look } from '../../src/resolve/resolver.ts';
import { createPool, type Pool } from '../../src/store/pool.ts';
import { claimDueTargets } from '../../src/store/targets.ts';
import { lookAtDue } from '../../src/sync/due.ts';
import { GiveBack } from '../../src/sync/give-back.ts';
import { Looker } from '../../src/sync/looker.ts';
import { PostgresProxy } from '../support/postgres-proxy.ts';
import { addRecord, addZone, policy, publishAll, type TestStore, testStore } from '../support/store.ts';
import { until } from '../support/until.ts';

let store: TestStore;
let proxy: PostgresProxy;
let pool: Pool;
let looker: Looker;
let atLook: () => void;

beforeEach(async () => {
  store = await testStore();
  proxy = await PostgresProxy.start(store.url);
  pool = createPool(proxy.url, { max: 4, applicationName: 'worker', onError: () => {} });
  atLook = () => {};
  looker = newLooker();
  const zone = await addZone(store, 'a.test.');
  for (let index = 0; index < 20; index++)
    await addRecord(store, zone, `n${index}.a.test.`, 'ALIAS', `cdn${index}.example.net.`);
  await publishAll(store);
});
afterEach(async () => {
  await looker.stop();
  await pool.end();
  await proxy.close();
  await store.close();
});

function newLooker(): Looker {
  const look = async (target: string, family: Family): Promise<Look> => {
    atLook();
    return {
      ...{
        target,
        family,
        chain: [],
        authentic: false,
        resolver: '127.0.0.1:53',
        startedAt: Date.now(),
        ms: 1,
      },
      outcome: { kind: 'found', addresses: [family === 'A' ? '203.0.113.1' : '2001:db8::1'], ttl: 3_000 },
    };
  };
  return new Looker({ pool, resolver: { look }, policy, clock: { now: Date.now }, log: silentLog });
}

function goAway(): void {
  proxy.admits = () => false;
  proxy.cut();
}

/** Seconds until the last of these rows is due. */
async function dueWithin(table: 'alias_targets' | 'steady_packs'): Promise<number> {
  const { rows } = await store.pool.query(
    `select max(extract(epoch from due_at - now()))::float8 as seconds from ${table} where due_at < 'infinity'`,
  );
  return rows[0].seconds;
}

test('targets that were taken are due soon after the database is back', async () => {
  const giveBack = new GiveBack(pool);
  const taken = await claimDueTargets(pool, 100, 60);
  expect(taken).toHaveLength(20);
  goAway();
  for (const { name } of taken) giveBack.target(name);
  // tries in vain meanwhile
  await sleep(1_500);
  expect(await dueWithin('alias_targets')).toBeGreaterThan(30);
  proxy.admits = () => true;
  await until('they are due', async () => (await dueWithin('alias_targets')) < 5);
  await giveBack.stop();
});

test('so are packs whose looks could not be written', async () => {
  // the first look is decided on, the second brings them into a pack
  for (let time = 0; time < 2; time++) {
    await store.pool.query(`update alias_targets set due_at = now()`);
    await lookAtDue(pool, looker, {});
  }
  await store.pool.query('update steady_packs set due_at = now()');
  atLook = goAway;
  await lookAtDue(pool, looker, {}).catch(() => {});
  expect(await dueWithin('steady_packs')).toBeGreaterThan(30);
  proxy.admits = () => true;
  await until('they are due', async () => (await dueWithin('steady_packs')) < 5);
});

test('a stop gives back what was under way', async () => {
  let looking = 0;
  const never = new Promise<Look>(() => {});
  const stuck = new Looker({
    pool,
    resolver: {
      look: async (_target, _family, { signal } = {}) => {
        looking++;
        return Promise.race([
          never,
          new Promise<Look>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
        ]);
      },
    },
    policy,
    clock: { now: Date.now },
    log: silentLog,
  });
  const done = lookAtDue(pool, stuck, {});
  await until('they are asked', async () => looking === 40);
  await stuck.stop();
  await done;
  expect(await dueWithin('alias_targets')).toBeLessThan(5);
});
