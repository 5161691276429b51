import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { confirm, forgetOldChanges, readChanges, takeLease } from '../../src/store/lease/statements.ts';
import { createPool, type Pool } from '../../src/store/pool.ts';
import { addRecord, addZone, lookAt, publishAll, type TestStore, testStore } from '../support/store.ts';
import { until } from '../support/until.ts';

const ZONES = 4_000;

/** What a small change reads must not grow with what there is; a plan made of averages would. */
describe('among many zones that follow one target', () => {
  let store: TestStore;
  /** One connection for everything, whose counters are told when asked, and whose statements are planned once and for all. */
  let pool: Pool;
  let alone: TestStore;

  beforeAll(async () => {
    store = await testStore();
    pool = createPool(store.url, { max: 1 });
    alone = { ...store, pool, operator: pool };
    await pool.query(
      `with made as (
         insert into zones (name, primary_ns, contact) select 'z' || n || '.test.', 'ns1.test.', 'h.test.' from generate_series(1, $1::integer) as n returning id, name)
       insert into records (zone_id, name, type, content)
       select id, name, type, content from made cross join (values ('NS', 'ns1.test.'), ('ALIAS', 'cdn.example.')) as r (type, content)`,
      [ZONES],
    );
    const few = await addZone(alone, 'few.test.');
    await addRecord(alone, few, 'few.test.', 'ALIAS', 'few.example.');
    await publishAll(alone);
    await pool.query('vacuum analyze');
  });

  afterAll(async () => {
    await pool.end();
    await store.close();
  });

  /** Rows of these tables and entries of their indexes. */
  const rowsRead = async (tables: string[], work: () => Promise<unknown>) => {
    const count = async () => {
      await pool.query('select pg_stat_force_next_flush()');
      const { rows } = await pool.query(
        `select (select sum(coalesce(seq_tup_read, 0)) from pg_stat_user_tables where relname = any ($1))::integer
           + (select sum(idx_tup_read) from pg_stat_user_indexes where relname = any ($1))::integer as read`,
        [tables],
      );
      return rows[0].read as number;
    };
    const before = await count();
    await work();
    return (await count()) - before;
  };

  test('a target that one of them follows moves: the others are not read', async () => {
    const move = (last: number) =>
      lookAt(alone, {
        'few.example.': { a: { kind: 'found', addresses: [`198.51.100.${last}`], ttl: 60 } },
      });
    for (let last = 1; last <= 8; last++) await move(last);
    expect(await rowsRead(['aliases'], () => move(9))).toBeLessThan(50);
  });

  test('one zone changes: who serves them reads that one', async () => {
    await pool.query(takeLease('one', 60_000));
    let snapshot = '';
    const changes = async () => {
      const { rows } = await pool.query(readChanges('one', snapshot || undefined, 20_000));
      snapshot = rows[0].text;
      await pool.query(confirm('one', snapshot, 60_000, false));
      return rows.slice(1).map(({ text }) => text);
    };
    await publishAll(alone);
    await changes();
    for (let last = 2; last <= 8; last++) {
      await pool.query(`update records set content = $1 where name = 'z7.test.' and type = 'NS'`, [
        `ns${last}.test.`,
      ]);
      await publishAll(alone);
      expect(await changes()).toEqual(['z7.test.']);
    }
    await pool.query(`update records set content = 'ns9.test.' where name = 'z7.test.' and type = 'NS'`);
    await publishAll(alone);
    expect(await rowsRead(['served_changes', 'zones'], changes)).toBeLessThan(50);
  });

  test('more changes than are to be read at once: they are not, and it is said', async () => {
    await pool.query(takeLease('two', 60_000));
    const { rows: first } = await pool.query(readChanges('two', undefined, 100));
    await pool.query(confirm('two', first[0].text, 60_000, false));
    const kept = async (edited: number) => {
      await pool.query(
        `update zones set refresh = refresh + 1 where id in (select id from zones where name like 'z%' limit $1)`,
        [edited],
      );
      await publishAll(alone);
      const { rows } = await pool.query(readChanges('two', first[0].text, 100));
      return { kept: rows[0].kept, zones: rows.length - 1 };
    };
    expect(await kept(99)).toEqual({ kept: true, zones: 99 });
    expect((await kept(200)).kept).toBe(false);
  });

  test('what all have confirmed is forgotten, a bounded number at once', async () => {
    const left = async () => Number((await pool.query('select count(*) from served_changes')).rows[0].count);
    // a transaction of any other database of this server keeps the snapshots back for as long as it runs
    const forget = async () => {
      const { rows } = await pool.query('select pg_current_snapshot()::text as now');
      for (const id of ['one', 'two']) await pool.query(confirm(id, rows[0].now, 60_000, false));
      const before = await left();
      const { more } = (await pool.query(forgetOldChanges([]))).rows[0];
      return { more, forgotten: before - (await left()) };
    };
    await until('nothing is left', async () => (await forget()) && (await left()) === 0);
    await pool.query('insert into served_changes (zone) select n::text from generate_series(1, 6000) as n');
    let first = await forget();
    await until('some are forgotten', async () => {
      if (first.forgotten === 0) first = await forget();
      return first.forgotten > 0;
    });
    expect(first).toEqual({ more: true, forgotten: 5_000 });
    await until('all are forgotten', async () => (await forget()) && (await left()) === 0);
  });

  test('what changes while a new process has read and not yet confirmed is kept for it', async () => {
    await pool.query(takeLease('new', 60_000));
    const { rows: read } = await pool.query(readChanges('new', undefined, 100));
    await pool.query(`update zones set refresh = refresh + 1 where name = 'z1.test.'`);
    await publishAll(alone);
    for (const id of ['one', 'two']) {
      const { rows } = await pool.query('select pg_current_snapshot()::text as now');
      await pool.query(confirm(id, rows[0].now, 60_000, false));
    }
    await pool.query(forgetOldChanges([]));
    await pool.query(confirm('new', read[0].text, 60_000, false));
    const { rows } = await pool.query(readChanges('new', read[0].text, 100));
    expect(rows[0].kept).toBe(true);
    expect(rows.slice(1)).toMatchObject([{ kind: 'zone', text: 'z1.test.' }]);
  });
});
