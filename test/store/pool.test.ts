import { expect, test } from 'vitest';
import { createPool } from '../../src/store/pool.ts';
import { PostgresProxy } from '../support/postgres-proxy.ts';
import { testStore } from '../support/store.ts';
import { until } from '../support/until.ts';

test.each([
  ['while a statement is under way', 'select pg_sleep(60)'],
  ['between two statements', undefined],
])('a connection that breaks in a transaction, %s, fails that transaction alone', async (_, statement) => {
  const store = await testStore();
  const proxy = await PostgresProxy.start(store.url);
  const pool = createPool(proxy.url);
  try {
    const client = await pool.connect();
    await client.query('begin');
    const [{ pid }] = (await client.query('select pg_backend_pid() as pid')).rows;
    const underWay = statement === undefined ? undefined : expect(client.query(statement)).rejects.toThrow();
    proxy.cut();
    await underWay;
    await until('PostgreSQL has ended it', async () => {
      const { rows } = await store.operator.query('select pg_terminate_backend($1)', [pid]);
      return rows[0].pg_terminate_backend === false;
    });
    // an event without a listener would have failed this file
    await expect(client.query('rollback')).rejects.toThrow();
    client.release(true);
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  } finally {
    await pool.end();
    await proxy.close();
    await store.close();
  }
});
