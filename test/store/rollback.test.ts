import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSteps } from '../../src/store/history/chain.ts';
import { readDifference } from '../../src/store/history/difference.ts';
import { rollBack } from '../../src/store/history/rollback.ts';
import { pruneJournal } from '../../src/store/maintenance.ts';
import { differenceLines } from '../../src/zone/difference-lines.ts';
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

/** What the operator wrote, but for ids. */
async function sources(zone: string): Promise<string[]> {
  const { rows } = await store.operator.query(
    'select name, ttl, type, content, disabled from records where zone_id = $1',
    [zone],
  );
  return rows.map((row) => Object.values(row).join(' ')).sort();
}

const historyRows = async (zone: string) =>
  (await store.operator.query('select * from record_history where zone_id = $1 order by id', [zone])).rows;

test('the source of any version that the journal reaches comes back, under a new serial', async () => {
  const name = 'back.test.';
  const zone = await addZone(store, name);
  const a = await addRecord(store, zone, `www.${name}`, 'A', '192.0.2.1');
  await publishAll(store);
  const states = new Map([
    [await serialOf(store, zone), { source: await sources(zone), published: await published(store, zone) }],
  ]);
  const sql = (text: string, values: unknown[] = []) => store.operator.query(text, values);
  const edits = [
    () => sql('update records set content = $2, ttl = 60 where id = $1', [a, '192.0.2.2']),
    () => addRecord(store, zone, `new.${name}`, 'TXT', '"one"'),
    () => sql('delete from records where id = $1', [a]),
    () =>
      sql(
        `insert into records (zone_id, name, type, content) select $1, 'h' || n || '.${name}', 'A', '192.0.2.3' from generate_series(1, 40) n`,
        [zone],
      ),
    () => sql(`update records set disabled = true where zone_id = $1 and name like 'h1%'`, [zone]),
    () => sql(`delete from records where zone_id = $1 and name like 'h%'`, [zone]),
    () => sql(`update zones set refresh = 77, contact = 'other@${name}' where id = $1`, [zone]),
  ];
  for (const edit of edits) {
    await edit();
    await publishAll(store);
    states.set(await serialOf(store, zone), {
      source: await sources(zone),
      published: await published(store, zone),
    });
  }
  expect(states.size).toBe(8);
  // to and fro, each from wherever the one before came to
  for (const [serial, then] of [...states]
    .reverse()
    .concat([...states].filter((_, index) => index % 2 === 0))) {
    const before = await serialOf(store, zone);
    const planned = await rollBack(store.pool, name, serial, { dryRun: true });
    expect(planned).toMatchObject({ kind: 'planned', from: before });
    expect(await rollBack(store.pool, name, serial)).toEqual(planned);
    await publishAll(store);
    expect(await sources(zone)).toEqual(then.source);
    expect(await published(store, zone)).toEqual(then.published);
    // what the journal says of it is nothing but the SOA's serial
    const step = await readDifference(store.pool, zone, serial, await serialOf(store, zone));
    if (serial !== before) expect(differenceLines(name, step ?? expect.fail()).added).toHaveLength(1);
  }
  const { rows } = await sql('select refresh, contact from zones where id = $1', [zone]);
  expect(rows[0]).toEqual({ refresh: 3600, contact: `hostmaster.${name}` });
});

test('an ALIAS comes back as ALIAS, with the addresses as now known', async () => {
  const name = 'alias-back.test.';
  const zone = await addZone(store, name);
  const alias = await addRecord(store, zone, name, 'ALIAS', 'one.example.');
  await addRecord(store, zone, `other.${name}`, 'ALIAS', 'one.example.');
  await publishAll(store);
  const found = (address: string) => ({
    'one.example.': { a: { kind: 'found' as const, addresses: [address], ttl: 60 } },
  });
  await lookAt(store, found('192.0.2.1'));
  await publishAll(store);
  const serial = await serialOf(store, zone);
  await store.operator.query('delete from records where id = $1', [alias]);
  await addRecord(store, zone, name, 'A', '203.0.113.1');
  await publishAll(store);
  await lookAt(store, found('192.0.2.2'));
  await publishAll(store);
  expect(await rollBack(store.pool, name, serial)).toMatchObject({
    removed: 1,
    restored: 1,
    soaChanges: false,
  });
  await publishAll(store);
  expect(await published(store, zone)).toContain(`${name} 60 A 192.0.2.2`);
  expect(await sources(zone)).toContain(`${name} 3600 ALIAS one.example. false`);
});

test('edits not published yet go, too; edits that changed nothing to secondaries as well', async () => {
  const name = 'pending.test.';
  const zone = await addZone(store, name);
  await publishAll(store);
  const then = await sources(zone);
  const serial = await serialOf(store, zone);
  await store.operator.query(
    `insert into records (zone_id, name, type, content, disabled) values ($1, $2, 'A', '192.0.2.1', true)`,
    [zone, `off.${name}`],
  );
  await publishAll(store);
  expect(await serialOf(store, zone)).toBe(serial);
  // a zone that lost its NS publishes no more: the way back is open all the same
  await store.operator.query(`delete from records where zone_id = $1 and type = 'NS'`, [zone]);
  await publishAll(store);
  expect(await rollBack(store.pool, name, serial)).toMatchObject({
    kind: 'planned',
    removed: 1,
    restored: 1,
  });
  await publishAll(store);
  expect(await sources(zone)).toEqual(then);
  expect(await rollBack(store.pool, name, serial)).toMatchObject({
    removed: 0,
    restored: 0,
    soaChanges: false,
  });
});

test('a row that moved to another zone is not taken from it', async () => {
  const [from, to] = [await addZone(store, 'from.test.'), await addZone(store, 'from.to.test.')];
  const row = await addRecord(store, from, 'x.from.test.', 'A', '192.0.2.1');
  await publishAll(store);
  const serial = await serialOf(store, from);
  await store.operator.query(`update records set zone_id = $2, name = 'x.from.to.test.' where id = $1`, [
    row,
    to,
  ]);
  await publishAll(store);
  await rollBack(store.pool, 'from.test.', serial);
  await publishAll(store);
  expect(await published(store, from)).toContain('x.from.test. 3600 A 192.0.2.1');
  expect(await published(store, to)).toContain('x.from.to.test. 3600 A 192.0.2.1');
});

test('a version that the journal reaches no more is refused with what it does reach, and its source is kept no longer', async () => {
  const name = 'gone.test.';
  const zone = await addZone(store, name);
  await publishAll(store);
  for (const host of ['a', 'b', 'c']) {
    await addRecord(store, zone, `${host}.${name}`, 'A', '192.0.2.1');
    await publishAll(store);
  }
  expect((await historyRows(zone)).map((row) => row.serial)).toEqual(['1', '2', '3', '4']);
  await pruneJournal(store.pool, { versions: 2, days: 30, bytes: 1e9 });
  expect((await historyRows(zone)).map((row) => row.serial)).toEqual(['3', '4']);
  expect(await rollBack(store.pool, name, 1)).toEqual({ kind: 'history-gone', oldest: 2 });
  expect(await rollBack(store.pool, name, 9)).toEqual({ kind: 'history-gone', oldest: 2 });
  expect(await rollBack(store.pool, 'none.test.', 9)).toEqual({ kind: 'no-zone' });
  await store.pool.query('update zone_changes set source_known = false where zone_id = $1', [zone]);
  expect(await rollBack(store.pool, name, 2)).toEqual({ kind: 'source-unknown' });
});

test('a new zone and the moves of a target write no source history; a deleted zone leaves none', async () => {
  const name = 'cheap.test.';
  const client = await store.operator.connect();
  await client.query('begin');
  const { rows } = await client.query(
    `insert into zones (name, primary_ns, contact) values ($1, 'ns1.${name}', 'h.${name}') returning id`,
    [name],
  );
  const zone = rows[0].id;
  await client.query(
    `insert into records (zone_id, name, type, content) values ($1, $2, 'NS', 'ns1.${name}'), ($1, $2, 'ALIAS', 'cheap.example.')`,
    [zone, name],
  );
  await client.query('commit');
  client.release();
  await publishAll(store);
  for (const last of [1, 2, 3]) {
    await lookAt(store, {
      'cheap.example.': { a: { kind: 'found', addresses: [`192.0.2.${last}`], ttl: 60 } },
    });
    await publishAll(store);
  }
  expect(await readSteps(store.pool, zone, {})).toHaveLength(3);
  expect(await historyRows(zone)).toEqual([]);
  await addRecord(store, zone, `a.${name}`, 'A', '192.0.2.1');
  expect(await historyRows(zone)).toHaveLength(1);
  await store.operator.query('delete from zones where id = $1', [zone]);
  await publishAll(store);
  expect(await historyRows(zone)).toEqual([]);
});

test('nobody but the service writes the source history', async () => {
  await expect(store.operator.query('delete from record_history')).rejects.toThrow(
    'written by the service alone',
  );
});
