import { setTimeout as pause } from 'node:timers/promises';
import { UserError } from '../errors.ts';
import { refuseBesideOthers } from './migrate/alone.ts';
import { refuseOldServer, refuseStandby } from './migrate/fit.ts';
import type { Client, Pool } from './pool.ts';
import { readStep, type Step, stepNames } from './steps.ts';

const IN_THE_WAY = new Set(['55P03', '40P01']); // lock_not_available, deadlock_detected
const TRIES = 300; // of one step: five minutes
const LOCK = 8_053_530_001; // any number that nobody else takes an advisory lock on

export interface MigrateOptions {
  /** Where the steps are; default: `sql/`. */
  folder?: string;
  /** Called with every step made and before anybody else can make one: a process that joins here is seen by those that migrate later. */
  joining?: (client: Client) => Promise<void>;
}

/**
 * Applies the steps of `sql/` that this database has not seen, each in a transaction of its own, under an advisory lock: any number of
 * processes may start at once. Returns the names of the steps applied. Everything lies in the connection's default schema.
 *
 * @throws UserError where a newer version was here, and where a step stands alone and processes of before are at work: nothing is changed then
 */
export async function migrate(pool: Pool, { folder, joining }: MigrateOptions = {}): Promise<string[]> {
  const names = await stepNames(folder);
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
    const made = new Set(
      (await client.query<{ name: string }>('select name from zoneferry_migrations')).rows.map(
        (row) => row.name,
      ),
    );
    const newer = [...made].filter((name) => !names.includes(name));
    if (newer.length > 0) {
      throw new UserError(
        `the database was migrated by a newer version (${newer.join(', ')}): run that version, or restore a back-up`,
      );
    }
    const missing = await Promise.all(
      names.filter((name) => !made.has(name)).map((name) => readStep(name, folder)),
    );
    // before the first one: a database half way would bear neither version
    await refuseBesideOthers(client, missing);
    for (const step of missing) await apply(client, step);
    await joining?.(client);
    return missing.map(({ name }) => name);
  } finally {
    // the connection carries a changed search_path and maybe an open transaction: it is not used again
    client.release(true);
  }
}

/**
 * One step, in a transaction of its own. It locks tables that clients may be writing to, in another order: it gives up after half a second of
 * waiting, which is before PostgreSQL looks for deadlocks and would end a client, and tries again.
 */
async function apply(client: Client, { name, text, standsAlone }: Step): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query(`begin; set local lock_timeout = '500ms'`);
      await client.query(text);
      await client.query('insert into zoneferry_migrations (name) values ($1)', [name]);
      // the column is younger than the first steps
      if (standsAlone !== null)
        await client.query('update zoneferry_migrations set stands_alone = $2 where name = $1', [
          name,
          standsAlone,
        ]);
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
