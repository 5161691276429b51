import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPool } from '../../src/store/pool.ts';
import { readHistory } from '../../src/store/versions.ts';
import {
  addRecord,
  addZone,
  publishAll,
  published,
  serialOf,
  type TestStore,
  testStore,
} from '../support/store.ts';

let store: TestStore;
let count = 0;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());

async function freshZone(): Promise<{ id: string; name: string }> {
  const name = `edited${++count}.test.`;
  const id = await addZone(store, name);
  await publishAll(store);
  return { id, name };
}

const setSerial = (zone: { id: string }, serial: number) =>
  store.operator.query('update zones set serial = $2 where id = $1', [zone.id, serial]);

test('a serial set by hand twice is judged by what secondaries hold, too (RFC 1982)', async () => {
  const zone = await freshZone();
  await setSerial(zone, 100);
  await expect(setSerial(zone, 100 + 2_147_483_647)).rejects.toThrow(/not newer than 1 /);
  await setSerial(zone, 200);
  expect(await publishAll(store)).toMatchObject([{ from: 1, serial: 200 }]);
});

test('the history of the last time round the ring is not given for this one (RFC 1982)', async () => {
  const zone = await freshZone();
  for (const host of ['a', 'b']) {
    await addRecord(store, zone.id, `${host}.${zone.name}`, 'A', '192.0.2.1');
    await publishAll(store);
  }
  for (const serial of [3 + 2_147_483_647, 4_294_967_295, 2]) {
    await setSerial(zone, serial);
    await publishAll(store);
  }
  expect(await serialOf(store, zone.id)).toBe(2);
  expect(await readHistory(store.pool, zone.id, 1, 2, 1e6)).toBeUndefined();
  expect(await readHistory(store.pool, zone.id, 4_294_967_295, 2, 1e6)).toHaveLength(1);
});

test('a published record names the row that it comes from, also when another one takes its place', async () => {
  const zone = await freshZone();
  const first = await addRecord(store, zone.id, `www.${zone.name}`, 'A', '192.0.2.1');
  const second = await addRecord(store, zone.id, `www.${zone.name}`, 'A', '192.0.2.1');
  await publishAll(store);
  await store.operator.query('delete from records where id = $1', [first]);
  expect(await publishAll(store)).toEqual([]);
  const { rows } = await store.operator.query(
    'select source_record_id as id from transfer_records where name = $1',
    [`www.${zone.name}`],
  );
  expect(rows).toEqual([{ id: second }]);
});

test('an rdata that no message could carry is set aside, so that the zone can be transferred', async () => {
  const zone = await freshZone();
  // NULL has no text of its own that the database knows
  const client = await store.operator.connect();
  await client.query('begin');
  await client.query(`set local zoneferry.prechecked = 'on'`);
  await client.query(`insert into records (zone_id, name, type, content) values ($1, $2, 'TYPE65400', $3)`, [
    zone.id,
    `big.${zone.name}`,
    `\\# 65000 ${'ab'.repeat(65_000)}`,
  ]);
  await client.query('commit');
  client.release();
  await publishAll(store);
  expect(await published(store, zone.id)).toHaveLength(1);
  const { rows } = await store.operator.query('select problem from records where name = $1', [
    `big.${zone.name}`,
  ]);
  expect(rows[0].problem).toMatch(/65000 octets.*takes 64000/);
});

test('settings of the database or the role that this code does not expect are set right', async () => {
  const name = new URL(store.url).pathname.slice(1);
  const settings = {
    datestyle: "'SQL, DMY'",
    default_transaction_isolation: 'serializable',
    statement_timeout: '1',
    lock_timeout: '1',
  };
  for (const [setting, value] of Object.entries(settings))
    await store.operator.query(`alter database ${name} set ${setting} = ${value}`);
  const pool = createPool(store.url);
  try {
    const { rows } = await pool.query(
      `select now() as now, current_setting('transaction_isolation') as isolation, current_setting('lock_timeout') as locks, pg_sleep(0.01)`,
    );
    expect(rows[0]).toMatchObject({ isolation: 'read committed', locks: '0' });
    expect(Math.abs(rows[0].now.getTime() - Date.now())).toBeLessThan(10_000);
  } finally {
    await pool.end();
    await store.operator.query(`alter database ${name} reset all`);
  }
});
