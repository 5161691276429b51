import pg from 'pg';
import { expect, test } from 'vitest';
import { freshDatabase } from './database.ts';

test('each fresh database is empty, PostgreSQL 15 or later, and gone when dropped', async () => {
  const [one, two] = await Promise.all([freshDatabase(), freshDatabase()]);
  expect(one.url).not.toBe(two.url);
  const client = new pg.Client({ connectionString: one.url });
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query(
    `select current_setting('server_version_num')::int as version,
            (select count(*)::int from pg_tables where schemaname = 'public') as tables`,
  );
  expect(rows[0].version).toBeGreaterThanOrEqual(150_000);
  expect(rows[0].tables).toBe(0);
  await Promise.all([one.drop(), two.drop()]);
  await client.end().catch(() => undefined);
  await expect(new pg.Client({ connectionString: one.url }).connect()).rejects.toThrow('does not exist');
});
