import pg from 'pg';
import { type LooksWritten, writeLooks } from '../../src/store/looks.ts';
import { migrate } from '../../src/store/migrate.ts';
import { createPool, type Pool } from '../../src/store/pool.ts';
import { type Publication, publishMarked } from '../../src/store/publication/publish.ts';
import { markedZones } from '../../src/store/publication/read.ts';
import { claimDueTargets } from '../../src/store/targets.ts';
import { decide } from '../../src/zone/alias/decide.ts';
import { type AliasPolicy, aliasPolicy, type Force } from '../../src/zone/alias/policy.ts';
import type { TargetLook } from '../../src/zone/alias/seen.ts';
import type { TargetState } from '../../src/zone/alias/state.ts';
import type { GuardPolicy } from '../../src/zone/guard.ts';
import { freshDatabase } from './database.ts';

export const policy = aliasPolicy({ refreshMin: 1000 });

/** A migrated database of a test's own: the service's pool, and a client as an operator's platform has it. */
export interface TestStore {
  url: string;
  pool: Pool;
  operator: pg.Pool;
  close(): Promise<void>;
}

export async function testStore(): Promise<TestStore> {
  const database = await freshDatabase();
  const pool = createPool(database.url);
  await migrate(pool);
  const operator = new pg.Pool({ connectionString: database.url, max: 12 });
  operator.on('error', () => {});
  return {
    url: database.url,
    pool,
    operator,
    close: async () => {
      await operator.end();
      await pool.end();
      await database.drop();
    },
  };
}

/** A zone with its NS, as SQL makes it; returns its id. */
export async function addZone(store: TestStore, name: string): Promise<string> {
  const { rows } = await store.operator.query<{ id: string }>(
    'insert into zones (name, primary_ns, contact) values ($1, $2, $3) returning id',
    [name, `ns1.${name}`, `hostmaster@${name}`],
  );
  const id = rows[0]?.id ?? '';
  await addRecord(store, id, name, 'NS', `ns1.${name}`);
  return id;
}

export async function addRecord(
  store: TestStore,
  zoneId: string,
  name: string,
  type: string,
  content: string,
  ttl = 3600,
): Promise<string> {
  const { rows } = await store.operator.query<{ id: string }>(
    'insert into records (zone_id, name, type, content, ttl) values ($1, $2, $3, $4, $5) returning id',
    [zoneId, name, type, content, ttl],
  );
  return rows[0]?.id ?? '';
}

/** Publishes everything that is marked. */
export async function publishAll(
  store: TestStore,
  now = Date.UTC(2026, 0, 1),
  aliases?: AliasPolicy,
): Promise<Publication['zones']> {
  const zones: Publication['zones'] = [];
  for (;;) {
    const { small, large } = await markedZones(store.pool, 100, []);
    const zoneIds = [...small, ...large];
    if (zoneIds.length === 0) return zones;
    const options = {
      serialPolicy: 'increment' as const,
      now,
      zoneIds,
      ...(aliases ? { policy: aliases } : {}),
    };
    zones.push(...(await publishMarked(store.pool, options)).zones);
  }
}

/** One look at every due target, answered by `answers`, and written; under guards where they are given. */
export async function lookAt(
  store: TestStore,
  answers: Record<string, TargetLook>,
  now = Date.now(),
  force?: Force,
  guards?: GuardPolicy,
): Promise<LooksWritten> {
  await store.pool.query('update alias_targets set due_at = now()');
  const targets = await claimDueTargets(store.pool, 1000, 60);
  const looks = targets.flatMap(({ name }) => {
    const look = answers[name];
    return look ? [{ name, decide: (before: TargetState) => decide(before, look, policy, now, force) }] : [];
  });
  return writeLooks(store.pool, looks, guards);
}

/** What a zone publishes beside its SOA, as sorted lines "name ttl type content". */
export async function published(store: TestStore, zoneId: string): Promise<string[]> {
  const { rows } = await store.operator.query(
    'select name, ttl, type, content from transfer_records where zone_id = $1',
    [zoneId],
  );
  return rows.map((row) => `${row.name} ${row.ttl} ${row.type} ${row.content}`).sort();
}

export async function serialOf(store: Pick<TestStore, 'operator'>, zoneId: string): Promise<number> {
  const { rows } = await store.operator.query('select published_serial from zones where id = $1', [zoneId]);
  return Number(rows[0].published_serial);
}
