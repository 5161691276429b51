import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPool } from '../../src/store/pool.ts';
import { publishMarked } from '../../src/store/publication/publish.ts';
import { markedZones } from '../../src/store/publication/read.ts';
import { addRecord, addZone, lookAt, publishAll, type TestStore, testStore } from '../support/store.ts';

let store: TestStore;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());

test('one address of a large zone changes: a handful of rows is read and written, whatever the zone holds', async () => {
  // one connection for everything, whose counters are told when asked
  const pool = createPool(store.url, { max: 1 });
  const alone: TestStore = { ...store, pool, operator: pool };
  const zone = await addZone(alone, 'large.test.');
  await pool.query(
    `insert into records (zone_id, name, type, content) select $1, 'h' || n || '.large.test.', 'A', '192.0.2.1' from generate_series(1, 20000) as n`,
    [zone],
  );
  await addRecord(alone, zone, 'large.test.', 'ALIAS', 'cdn.example.');
  await publishAll(alone);
  const found = (address: string) => ({
    'cdn.example.': { a: { kind: 'found' as const, addresses: [address], ttl: 60 } },
  });
  await lookAt(alone, found('198.51.100.1'));
  await publishAll(alone);
  await pool.query('vacuum analyze');
  const counted = async () => {
    await pool.query('select pg_stat_force_next_flush()');
    const { rows } = await pool.query(
      `select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::integer as read, sum(n_tup_ins + n_tup_upd + n_tup_del)::integer as written
       from pg_stat_user_tables where relname in ('records', 'transfer_records', 'zone_changes', 'record_history')`,
    );
    return rows[0] as { read: number; written: number };
  };
  const change = async (make: () => Promise<unknown>) => {
    await make();
    const before = await counted();
    const { zones } = await publishMarked(pool, {
      serialPolicy: 'increment',
      now: Date.now(),
      zoneIds: [zone],
    });
    expect(zones).toMatchObject([{ deleted: 1, added: 1 }]);
    const after = await counted();
    return { read: after.read - before.read, written: after.written - before.written };
  };
  const moved = await change(() => lookAt(alone, found('198.51.100.2')));
  expect(moved.written).toBe(3);
  expect(moved.read).toBeLessThan(50);
  const edited = await change(() =>
    pool.query(`update records set content = '192.0.2.2' where name = 'h77.large.test.'`),
  );
  expect(edited.written).toBeLessThanOrEqual(4);
  expect(edited.read).toBeLessThan(50);
  await pool.end();
});

test('an edit is published ahead of a target that thousands of zones follow, and of a client that edits thousands', async () => {
  await store.operator.query(
    `insert into zones (name, primary_ns, contact) select 'many' || n || '.test.', 'ns.test.', 'h.test.' from generate_series(1, 3000) as n`,
  );
  const edited = await addZone(store, 'edited.test.');
  await store.pool.query('delete from zone_marks');
  const mark = (name: string, cause: object) =>
    store.pool.query(
      `insert into zone_marks (zone_id, owner, cause) select id, name, $2::jsonb from zones where name like $1 order by id`,
      [name, JSON.stringify(cause)],
    );
  await mark('many%', { by: 'alias', target: 'cdn.example.' });
  await mark('edited.test.', { by: 'sql' });
  expect((await markedZones(store.pool, 100, [])).small[0]).toBe(edited);
  // an older mass edit takes its share and no more
  await store.pool.query('delete from zone_marks');
  await mark('many1%', { by: 'sql', actor: 'mass' });
  await mark('edited.test.', { by: 'sql' });
  await mark('many2%', { by: 'alias', target: 'cdn.example.' });
  const { small } = await markedZones(store.pool, 100, []);
  expect(small).toHaveLength(100);
  expect(small.slice(0, 11)).toContain(edited);
});
