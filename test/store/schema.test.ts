import { readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { expect, test } from 'vitest';
import { migrate } from '../../src/store/migrate.ts';
import { createPool } from '../../src/store/pool.ts';
import { freshDatabase } from '../support/database.ts';
import { dumpSchema } from '../support/schema.ts';
import { until } from '../support/until.ts';

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

test('a client that writes while a step waits for its tables is never ended for it, and the step comes through', async () => {
  const database = await freshDatabase();
  const pool = createPool(database.url);
  // the tables as an earlier version left them
  const folder = fileURLToPath(new URL('../../sql/', import.meta.url));
  const steps = (await readdir(folder)).filter((name) => /^\d{4}_\w+\.sql$/.test(name)).sort();
  const early = steps.filter((name) => name < '0010');
  await pool.query(
    'create table zoneferry_migrations (name text primary key, applied_at timestamptz not null default now())',
  );
  for (const name of early) {
    await pool.query(await readFile(folder + name, 'utf8'));
    await pool.query('insert into zoneferry_migrations (name) values ($1)', [name]);
  }
  const { rows } = await pool.query(
    `insert into zones (name, primary_ns, contact) values ('a.test', 'ns.', 'h@a.test') returning id`,
  );
  const client = new pg.Client(database.url);
  await client.connect();
  await client.query('begin');
  await client.query('update zones set refresh = 1234');
  // step 10 takes records first, then zones
  const migrating = migrate(pool);
  await until('the step waits for zones', async () => {
    const waiting = await pool.query(
      `select from pg_locks where not granted and mode = 'AccessExclusiveLock' and relation = 'zones'::regclass`,
    );
    return (waiting.rowCount ?? 0) > 0;
  });
  await client.query(
    `insert into records (zone_id, name, type, content) values ($1, 'a.test.', 'NS', 'ns.')`,
    [rows[0].id],
  );
  await client.query('commit');
  expect(await migrating).toEqual(steps.filter((name) => name >= '0010'));
  await client.end();
  await pool.end();
  await database.drop();
});
