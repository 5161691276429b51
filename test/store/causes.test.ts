import { afterAll, beforeAll, expect, test } from 'vitest';
import { noteShownSerial } from '../../src/store/ahead.ts';
import { createPool } from '../../src/store/pool.ts';
import { addRecord as addAsCommand } from '../../src/store/records.ts';
import { actingAs } from '../../src/store/transaction.ts';
import { setZone } from '../../src/store/zones.ts';
import { aliasCause, causeText, readReason, reasonJson } from '../../src/zone/cause.ts';
import { addRecord, addZone, lookAt, publishAll, type TestStore, testStore } from '../support/store.ts';

let store: TestStore;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());

async function causesOf(zone: string) {
  const { rows } = await store.operator.query(
    'select reason from zone_changes where zone_id = $1 order by created_at desc, to_serial desc limit 1',
    [zone],
  );
  return readReason(rows[0].reason);
}

test('an SQL edit is kept with its role, its application and its address', async () => {
  const zone = await addZone(store, 'sql.test.');
  await publishAll(store);
  const client = await store.operator.connect();
  await client.query(`set application_name = 'platform'`);
  await client.query(
    `insert into records (zone_id, name, type, content) values ($1, 'a.sql.test', 'A', '192.0.2.1')`,
    [zone],
  );
  await client.query('reset application_name');
  const { rows } = await client.query('select session_user as role, host(inet_client_addr()) as address');
  client.release();
  await publishAll(store);
  const { causes } = await causesOf(zone);
  expect(causes).toEqual([
    { by: 'sql', actor: rows[0].role, application: 'platform', address: rows[0].address },
  ]);
  expect(causeText(causes[0] ?? aliasCause(''))).toMatch(/^SQL by \S+ \(platform, \S+\)$/);
});

test('an SQL client can not pass for another by the settings of the command line', async () => {
  const zone = await addZone(store, 'liar.test.');
  await publishAll(store);
  const client = await store.operator.connect();
  await client.query(`begin; set local zoneferry.actor = 'cli:root'`);
  await client.query(
    `insert into records (zone_id, name, type, content) values ($1, 'a.liar.test', 'A', '192.0.2.1')`,
    [zone],
  );
  await client.query('commit');
  client.release();
  await publishAll(store);
  expect((await causesOf(zone)).causes[0]).toMatchObject({ by: 'sql' });
});

test('the command line and the API say on whose behalf they edit', async () => {
  const zone = await addZone(store, 'told.test.');
  await publishAll(store);
  const pool = createPool(store.url, { max: 1, actor: 'cli:jane \\doe' });
  await addAsCommand(pool, zone, { name: 'a.told.test.', type: 'A', content: '192.0.2.1' });
  await pool.end();
  await actingAs(store.pool, 'api:platform', (client) =>
    addAsCommand(client, zone, { name: 'b.told.test.', type: 'A', content: '192.0.2.1' }),
  );
  await publishAll(store);
  const { causes } = await causesOf(zone);
  expect(causes).toEqual([
    { by: 'cli', actor: 'jane \\doe' },
    { by: 'api', actor: 'platform' },
  ]);
  expect(causes.map(causeText)).toEqual([
    'edit by jane \\doe on the command line',
    'edit by platform through the API',
  ]);
});

test('a serial set by hand, and one that follows a secondary ahead, say so', async () => {
  const zone = await addZone(store, 'serial.test.');
  await publishAll(store);
  await actingAs(store.pool, 'api:api', (client) => setZone(client, 'serial.test.', { serial: 50 }));
  await publishAll(store);
  expect((await causesOf(zone)).causes).toEqual([{ by: 'api', actor: 'api', action: 'serial' }]);
  const { rows } = await store.operator.query(
    `insert into secondaries (name, addresses) values ('ahead1', '{192.0.2.1}') returning id`,
  );
  await noteShownSerial(store.pool, { zone: 'serial.test.', secondaryId: rows[0].id, serial: 99 });
  await publishAll(store);
  expect((await causesOf(zone)).causes).toEqual([
    { by: 'service', actor: 'ahead1 is ahead at 99', action: 'serial' },
  ]);
});

test('a moved target is named, and several causes of one version are kept together', async () => {
  const zone = await addZone(store, 'moved.test.');
  await addRecord(store, zone, 'moved.test.', 'ALIAS', 'cdn.example.');
  await publishAll(store);
  await lookAt(store, { 'cdn.example.': { a: { kind: 'found', addresses: ['192.0.2.1'], ttl: 60 } } });
  await addRecord(store, zone, 'www.moved.test.', 'A', '192.0.2.9');
  await publishAll(store);
  const { causes } = await causesOf(zone);
  expect(causes).toHaveLength(2);
  expect(causes[0]).toMatchObject({ by: 'alias', target: 'cdn.example.' });
  expect(causes[1]).toMatchObject({ by: 'sql' });
});

test('a version with a hundred thousand causes keeps the first and counts the rest', () => {
  const many = new Set(
    Array.from({ length: 100_000 }, (_, n) => JSON.stringify(aliasCause(`t${n}.example.`))),
  );
  const json = reasonJson(many);
  expect(json.length).toBeLessThan(2_000);
  const { causes, more } = readReason(JSON.parse(json));
  expect(causes.length + (more ?? 0)).toBe(100_000);
});

test('a cause in words names chain, resolver, outcome and job; reasons of earlier versions are read', () => {
  const looks = [
    {
      family: 'A' as const,
      outcome: 'found',
      resolver: '192.0.2.53',
      chain: ['b.example.', 'c.example.'],
      at: 5,
    },
    { family: 'AAAA' as const, outcome: 'nodata', resolver: '192.0.2.54' },
    { family: 'A' as const, outcome: 'failed' },
  ];
  expect(causeText(aliasCause('a.example.', looks, '77'))).toBe(
    'a.example. moved, A found by 192.0.2.53 over b.example. -> c.example.; AAAA nodata by 192.0.2.54, job 77',
  );
  expect(readReason({ targets: ['x.example.'], jobs: ['1'] }).causes).toEqual([
    { by: 'alias', target: 'x.example.', job: '1' },
  ]);
  expect(readReason({ edit: true }).causes).toEqual([]);
});
