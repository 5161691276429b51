import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../src/log.ts';
import { bringWaitsForward } from '../../src/store/waits.ts';
import { SetBack } from '../../src/sync/set-back.ts';
import { addRecord, addZone, publishAll, type TestStore, testStore } from '../support/store.ts';

let store: TestStore;
let now: number;
let setBack: SetBack;
beforeEach(async () => {
  store = await testStore();
  await store.operator.query(`insert into secondaries (name, addresses) values ('ns2', '{127.0.0.1:9}')`);
  await addRecord(store, await addZone(store, 'a.test.'), 'a.test.', 'ALIAS', 'cdn.example.net.');
  await publishAll(store);
  now = Date.UTC(2026, 5, 1, 12);
  setBack = new SetBack({ pool: store.pool, clock: { now: () => now }, log: silentLog });
});
afterEach(() => store.close());

const inMinutes = (column: string) => `round(extract(epoch from ${column} - now()) / 60)::integer`;

test("what waits for a time of the database's clock waits as much less as that was set back, but for no time that is past", async () => {
  await store.pool.query(
    `insert into steady_packs (due_at, looked_at, looks) values (now() + interval '190 minutes', now(), 0)`,
  );
  await store.pool.query(`update alias_targets set due_at = now() + interval '200 minutes'`);
  await store.pool.query(`update notifications set next_at = now() + interval '185 minutes'`);
  await store.pool.query(
    `insert into convergence (zone_id, secondary_id, serial, committed_at, next_check_at)
     select z.id, s.id, 1, now(), now() + interval '90 minutes' from zones z, secondaries s
     on conflict (zone_id, secondary_id) do update set next_check_at = excluded.next_check_at`,
  );
  await bringWaitsForward(store.pool, 3 * 3_600);
  const { rows } = await store.pool.query(
    `select (select ${inMinutes('due_at')} from alias_targets) as target, (select ${inMinutes('due_at')} from steady_packs) as pack,
       (select ${inMinutes('next_at')} from notifications) as notify, (select ${inMinutes('next_check_at')} from convergence) as look`,
  );
  expect(rows).toEqual([{ target: 20, pack: 10, notify: 5, look: 0 }]);
});

test('holds that our own clock measures move with it where it is set back; little steps and holds of before are let be', async () => {
  const hold = async () => {
    const { rows } = await store.pool.query(
      `select round(extract(epoch from recheck_at) - $1::float8 / 1000)::integer as recheck,
         round(extract(epoch from denied_since) - $1::float8 / 1000)::integer as denied,
         round(extract(epoch from failing_since) - $1::float8 / 1000)::integer as failing from aliases`,
      [now],
    );
    return rows[0];
  };
  await store.pool.query(
    `update aliases set recheck_at = to_timestamp($1::float8 / 1000 + 600), denied_since = to_timestamp($1::float8 / 1000 - 60),
       failing_since = to_timestamp($1::float8 / 1000 - 8000)`,
    [now],
  );
  await setBack.look(3_600);
  now -= 2_000;
  await setBack.look(3_600);
  expect(await hold()).toEqual({ recheck: 602, denied: -58, failing: -7_998 });
  now -= 7_200_000;
  await setBack.look(3_600);
  const after = await hold();
  expect(Math.abs(after.recheck - 602)).toBeLessThan(60);
  expect(Math.abs(after.denied - -58)).toBeLessThan(60);
  // was in the past by the clock of now too
  expect(after.failing).toBe(-798);
});

test('what could not be mended when the clock was set back is mended at the next look', async () => {
  await store.pool.query('update aliases set recheck_at = to_timestamp($1::float8 / 1000 + 600)', [now]);
  await setBack.look(3_600);
  now -= 7_200_000;
  await store.pool.query('alter table aliases rename to aliases_away');
  await expect(setBack.look(3_600)).rejects.toThrow(/aliases/);
  await store.pool.query('alter table aliases_away rename to aliases');
  await setBack.look(3_600);
  const { rows } = await store.pool.query(
    'select extract(epoch from recheck_at) - $1::float8 / 1000 as ahead from aliases',
    [now],
  );
  expect(Math.abs(Number(rows[0].ahead) - 600)).toBeLessThan(60);
});
