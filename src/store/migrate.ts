import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { UserError } from '../errors.ts';
import type { Client, Pool } from './pool.ts';

const DIRECTORY = fileURLToPath(new URL('../../sql/', import.meta.url));
const IN_THE_WAY = new Set(['55P03', '40P01']); // lock_not_available, deadlock_detected
const TRIES = 300; // of one step: five minutes
const LOCK = 8_053_530_001; // any number that nobody else takes an advisory lock on

/**
 * Applies the steps of `sql/` that this database has not seen, each in a transaction of its own, under an advisory lock: any number of
 * processes may start at once. Returns the names of the steps applied. Everything lies in the connection's default schema.
 */
export async function migrate(pool: Pool): Promise<string[]> {
  const steps = await readSteps();
  const client = await pool.connect();
  try {
    await refuseOldServer(client);
    await refuseStandby(client);
    await client.query('select pg_advisory_lock($1)', [LOCK]);
    await client.query('set client_min_messages = warning');
    const schema = (await client.query<{ schema: string | null }>('select current_schema() as schema'))
      .rows[0]?.schema;
    if (!schema)
      throw new UserError(
        'the database has no schema to work in: create one, or set search_path for the user',
      );
    // functions pin the search_path that they were created under
    await client.query("select set_config('search_path', quote_ident($1) || ', pg_temp', false)", [schema]);
    await client.query(
      'create table if not exists zoneferry_migrations (name text primary key, applied_at timestamptz not null default now())',
    );
    const known = new Set(
      (await client.query<{ name: string }>('select name from zoneferry_migrations')).rows.map(
        (row) => row.name,
      ),
    );
    const newer = [...known].filter((name) => !steps.includes(name));
    if (newer.length > 0) {
      throw new UserError(
        `the database was migrated by a newer version (${newer.join(', ')}): run that version, or restore a back-up`,
      );
    }
    const applied: string[] = [];
    for (const name of steps) {
      if (known.has(name)) continue;
      await apply(client, name);
      applied.push(name);
    }
    return applied;
  } finally {
    // the connection carries a changed search_path and maybe an open transaction: it is not used again
    client.release(true);
  }
}

/**
 * One step, in a transaction of its own. It locks tables that clients may be writing to, in another order: it gives up after half a second of
 * waiting, which is before PostgreSQL looks for deadlocks and would end a client, and tries again.
 */
async function apply(client: Client, name: string): Promise<void> {
  const text = await readFile(DIRECTORY + name, 'utf8');
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query(`begin; set local lock_timeout = '500ms'`);
      await client.query(text);
      await client.query('insert into zoneferry_migrations (name) values ($1)', [name]);
      await client.query('commit');
      return;
    } catch (error) {
      await client.query('rollback');
      if (!IN_THE_WAY.has(String((error as { code?: string }).code))) throw error;
      if (attempt === TRIES)
        throw new UserError(
          `step ${name} of the database can't have the tables it changes: end the transactions that hold them (pg_stat_activity), then start again`,
        );
      await pause(500);
    }
  }
}

/** Steps of `sql/` that a database has not seen, and those that it has seen and we don't know. Changes nothing. */
export async function missingSteps(pool: Pool): Promise<{ missing: string[]; unknown: string[] }> {
  const steps = await readSteps();
  const { rows } = await pool
    .query<{ name: string }>('select name from zoneferry_migrations')
    .catch((error: { code?: string }) => {
      if (error.code === '42P01') return { rows: [] };
      throw error;
    });
  const known = new Set(rows.map((row) => row.name));
  return {
    missing: steps.filter((name) => !known.has(name)),
    unknown: [...known].filter((name) => !steps.includes(name)),
  };
}

async function readSteps(): Promise<string[]> {
  return (await readdir(DIRECTORY)).filter((name) => /^\d{4}_\w+\.sql$/.test(name)).sort();
}

async function refuseOldServer(client: {
  query(text: string): Promise<{ rows: { server_version_num?: string }[] }>;
}): Promise<void> {
  const version = Number((await client.query('show server_version_num')).rows[0]?.server_version_num);
  if (version < 150_000)
    throw new UserError(`PostgreSQL ${Math.floor(version / 10_000)} is too old: Zoneferry takes 15 or later`);
}

/** What can be done on a standby all the same is done without this. */
async function refuseStandby(client: {
  query(text: string): Promise<{ rows: { standby?: boolean }[] }>;
}): Promise<void> {
  const { rows } = await client.query('select pg_is_in_recovery() as standby');
  if (rows[0]?.standby)
    throw new UserError(
      'this PostgreSQL is a read replica, where nothing can be written: DATABASE_URL takes the primary, and a replica for `serve --roles transfer` alone',
    );
}
