/** Steps of the schema that stand alone: the next release is a copy of `sql/` with more in it. */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SchemaWatch } from '../../src/app/schema-watch.ts';
import { type Log, silentLog } from '../../src/log.ts';
import { migrate } from '../../src/store/migrate.ts';
import { countBehind, listProcesses, registerProcess, unregisterProcess } from '../../src/store/processes.ts';
import { readStep, stepNames } from '../../src/store/steps.ts';
import { type TestStore, testStore } from '../support/store.ts';
import { until } from '../support/until.ts';

const SQL = fileURLToPath(new URL('../../sql', import.meta.url));
const ADDS = '9998_adds.sql';
const ALONE = '9999_alone.sql';
const REASON = 'targets are counted otherwise';
const old = {
  id: 'ns-host/4711/abcd',
  roles: ['transfer', 'worker'],
  queue: { kind: 'postgresql', hash: '' } as const,
  version: '0.1.0',
  unknownSteps: [],
};

let store: TestStore;
let next: string;
beforeAll(async () => {
  store = await testStore();
  next = await mkdtemp(join(tmpdir(), 'zoneferry-next-'));
  await cp(SQL, next, { recursive: true });
  await writeFile(join(next, ADDS), 'create table of_the_next_release (id integer);\n');
  await writeFile(join(next, ALONE), `-- Counts anew.\n-- stands alone: ${REASON}\n\nselect 1;\n`);
});
afterAll(async () => {
  await store.close();
  await rm(next, { recursive: true });
});

const isMade = async (table: string) =>
  (await store.pool.query('select to_regclass($1) is not null as made', [table])).rows[0].made;

test('every line that speaks of standing alone is one that is read so', async () => {
  for (const folder of [SQL, next])
    for (const name of await stepNames(folder)) {
      const { text, standsAlone } = await readStep(name, folder);
      expect(/^--.*stands? alone/im.test(text), name).toBe(standsAlone !== null);
    }
  expect((await readStep(ALONE, next)).standsAlone).toBe(REASON);
});

test('while a process of before has a heartbeat it is refused by name, and nothing is changed', async () => {
  await registerProcess(store.pool, old);
  const beat = setInterval(() => void registerProcess(store.pool, old), 300);
  try {
    await expect(migrate(store.pool, { folder: next })).rejects.toThrow(
      `step ${ALONE} stands alone (${REASON}), and processes that don't know it are at work: host ns-host, pid 4711 (transfer, worker; version 0.1.0). Stop them, then start again; nothing was changed`,
    );
  } finally {
    clearInterval(beat);
  }
  expect(await isMade('of_the_next_release')).toBe(false);
});

test('one that joins meanwhile is seen: who migrates waits for those that start, and they for it', async () => {
  await unregisterProcess(store.pool, old.id);
  const [holds, joined] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const starts = migrate(store.pool, {
    joining: async (client) => {
      holds.resolve();
      await joined.promise;
      await registerProcess(client, { ...old, roles: [] });
    },
  });
  await holds.promise;
  const refused = expect(migrate(store.pool, { folder: next })).rejects.toThrow('(starting or stopping;');
  await until('it waits', async () => {
    const { rowCount } = await store.pool.query(
      `select from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())`,
    );
    return rowCount === 1;
  });
  joined.resolve();
  await starts;
  const beat = setInterval(() => void registerProcess(store.pool, { ...old, roles: [] }), 300);
  await refused.finally(() => clearInterval(beat));
  expect(await isMade('of_the_next_release')).toBe(false);
});

test('one that was killed is waited for until it counts as gone; then the step is made, with its reason', {
  timeout: 60_000,
}, async () => {
  await registerProcess(store.pool, old);
  expect(await migrate(store.pool, { folder: next })).toEqual([ADDS, ALONE]);
  const { rows } = await store.pool.query(
    'select name, stands_alone from zoneferry_migrations where name >= $1 order by name',
    [ADDS],
  );
  expect(rows).toEqual([
    { name: ADDS, stands_alone: null },
    { name: ALONE, stands_alone: REASON },
  ]);
  expect((await listProcesses(store.pool))[0]).toMatchObject({ id: old.id, alive: false });
});

test('a process that the database goes ahead of says so once, and learns that it has to end where a step stands alone', async () => {
  await store.pool.query('delete from zoneferry_migrations where name >= $1', [ADDS]);
  const said: string[] = [];
  const reasons: string[] = [];
  const log: Log = { ...silentLog, warn: (_fields, message) => said.push(message) };
  const watch = new SchemaWatch(store.pool, log, ({ message }) => reasons.push(message));
  expect(await watch.look()).toEqual([]);
  await store.pool.query('insert into zoneferry_migrations (name) values ($1)', [ADDS]);
  expect(await watch.look()).toEqual([ADDS]);
  expect(await watch.look()).toEqual([ADDS]);
  expect(said).toEqual([expect.stringContaining(`a newer version (${ADDS}); this process goes on`)]);
  expect(reasons).toEqual([]);
  await registerProcess(store.pool, { ...old, unknownSteps: [ADDS] });
  expect(await countBehind(store.pool)).toBe(1);
  await store.pool.query('insert into zoneferry_migrations (name, stands_alone) values ($1, $2)', [
    ALONE,
    REASON,
  ]);
  await watch.look();
  expect(reasons).toEqual([expect.stringContaining(`its step ${ALONE} stands alone (${REASON})`)]);
});

test('where the columns of version and steps are still to come, processes are listed without', async () => {
  await store.pool.query('alter table service_processes drop column version, drop column unknown_steps');
  expect((await listProcesses(store.pool))[0]).toMatchObject({ version: null, unknownSteps: [] });
});
