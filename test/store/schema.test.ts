import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { migrate } from '../../src/store/migrate.ts';
import { createPool } from '../../src/store/pool.ts';
import { freshDatabase } from '../support/database.ts';
import { dumpSchema } from '../support/schema.ts';

const FILE = fileURLToPath(new URL('../../sql/schema.sql', import.meta.url));

test('sql/schema.sql is what the migrations make (npm run schema writes it anew)', async () => {
  const database = await freshDatabase();
  const pool = createPool(database.url);
  await migrate(pool);
  const schema = await dumpSchema(pool);
  if (process.env.WRITE_SCHEMA) await writeFile(FILE, schema);
  expect(await readFile(FILE, 'utf8')).toBe(schema);
  await pool.end();
  await database.drop();
});

test('two processes that migrate at once both come through, and only one applies each step', async () => {
  const database = await freshDatabase();
  const pools = [createPool(database.url), createPool(database.url)];
  const applied = await Promise.all(pools.map((pool) => migrate(pool)));
  expect(applied.map((steps) => steps.length).sort()[0]).toBe(0);
  expect(applied.flat().length).toBeGreaterThan(3);
  for (const pool of pools) await pool.end();
  await database.drop();
});

test('a database of a newer version is refused in words', async () => {
  const database = await freshDatabase();
  const pool = createPool(database.url);
  await migrate(pool);
  await pool.query(`insert into zoneferry_migrations (name) values ('9999_future.sql')`);
  await expect(migrate(pool)).rejects.toThrow(/newer version/);
  await pool.end();
  await database.drop();
});

test('everything lies in the default schema of the connection, whatever its name', async () => {
  const database = await freshDatabase();
  const admin = createPool(database.url);
  await admin.query('create schema "odd name"');
  const url = new URL(database.url);
  url.searchParams.set('options', '-c search_path="odd\\ name"');
  const pool = createPool(url.href);
  await migrate(pool);
  await pool.query(`insert into zones (name, primary_ns, contact) values ('a.test', 'ns.', 'h@a.test')`);
  await pool.query(
    `insert into records (zone_id, name, type, content) select id, name, 'NS', 'ns.' from zones`,
  );
  const { rows } = await pool.query(`select count(*) from "odd name".zone_marks`);
  expect(Number(rows[0].count)).toBe(2);
  await pool.end();
  await admin.end();
  await database.drop();
});
