/** Every table is bounded: what is past keeping goes, and nothing else. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLog } from '../../src/log.ts';
import { takeLease } from '../../src/store/lease/statements.ts';
import { type Retention, startMaintenance } from '../../src/sync/maintenance.ts';
import { guardPolicy } from '../../src/zone/guard.ts';
import {
  addRecord,
  addZone,
  lookAt,
  policy,
  publishAll,
  type TestStore,
  testStore,
} from '../support/store.ts';
import { until } from '../support/until.ts';

const RETENTION: Retention = {
  journal: { versions: 3, days: 30, bytes: 1_000_000 },
  ledger: { days: 7, rows: 3 },
  tombstoneDays: 30,
};

let store: TestStore;
let zone: string;
let secondary: string;
beforeAll(async () => {
  store = await testStore();
  zone = await addZone(store, 'kept.test.');
  await addRecord(store, zone, 'app.kept.test.', 'ALIAS', 'cdn.example.');
  await publishAll(store);
  await lookAt(store, { 'cdn.example.': { a: { kind: 'found', addresses: ['198.51.100.1'], ttl: 60 } } });
  await publishAll(store);
  secondary = (
    await store.operator.query(
      `insert into secondaries (name, addresses) values ('kept', '{127.0.0.1:9}') returning id`,
    )
  ).rows[0].id;
});
afterAll(() => store.close());

/** One run of it. */
async function maintain(): Promise<void> {
  const stop = startMaintenance(store.pool, RETENTION, guards, silentLog, Date.now);
  await stop();
}

const guards = guardPolicy({ empty: 0.2, change: 0.5, apex: false }, policy);

/** What is past keeping, which goes, beside what stays: in each table, with what tells them apart. `$1` the zone, `$2` the secondary. */
const ROWS: Record<string, { rows: string; left: string; stays: string[] }> = {
  zone_marks: {
    rows: `(zone_id, owner) values ($1::bigint, 'kept'), (999999, 'gone')`,
    left: 'owner',
    stays: ['kept'],
  },
  notifications: {
    rows: `(zone_id, secondary_id, address, serial, error) values ($1::bigint, $2::bigint, 'a', 1, 'kept'), (999999, $2::bigint, 'a', 1, 'gone')`,
    left: 'error',
    stays: ['kept'],
  },
  record_history: {
    rows: `(zone_id, serial, gone) values ($1::bigint, null, '["kept"]'), (999999, null, '["gone"]'), ($1::bigint, 4000000000, '["gone"]')`,
    left: 'gone ->> 0',
    stays: ['kept'],
  },
  convergence: {
    rows: `(zone_id, secondary_id, serial, committed_at, seen_error) values ($1::bigint, $2::bigint, 1, now(), 'kept'),
      (999999, $2::bigint, 1, now(), 'gone'), ($1::bigint, 999999, 1, now(), 'gone')`,
    left: 'seen_error',
    stays: ['kept'],
  },
  convergence_history: {
    rows: `(zone_id, secondary_id, serial, committed_at, serving_at, served_kind)
      select $1::bigint, $2::bigint, n, now(), now() - n * interval '1 minute', case when n <= 3 then 'kept' else 'gone' end from generate_series(1, 9) as n
      union all select $1::bigint, $2::bigint, 10, now(), now() - interval '8 days', 'gone'`,
    left: 'served_kind',
    stays: ['kept', 'kept', 'kept'],
  },
  visible_times: {
    rows: `(secondary_id, minute, counts, count, sum_ms, max_ms) values ($2::bigint, '-infinity', '{}', 1, 0, 0), ($2::bigint, now(), '{}', 2, 0, 0),
      ($2::bigint, now() - interval '32 days', '{}', 3, 0, 0), (999999, now(), '{}', 4, 0, 0)`,
    left: 'count',
    stays: ['1', '2'],
  },
  zone_tombstones: {
    rows: `(name, serial, deleted_at) values ('kept.', 1, now() - interval '29 days'), ('gone.', 1, now() - interval '31 days')`,
    left: 'name',
    stays: ['kept.'],
  },
  refusals: {
    rows: `(address, key_name, zone, reason, asked, registered, detail, first_at, last_at)
      select what, '', '', 'r', 'SOA', false, '', now(), now() - days * interval '1 day' from (values ('kept', 6), ('gone', 8)) as r (what, days)`,
    left: 'address',
    stays: ['kept'],
  },
  serials_ahead: {
    rows: `(zone_id, secondary_id, serial) values ($1::bigint, $2::bigint, 1)`,
    left: 'serial',
    stays: [],
  },
  alias_targets: { rows: `(name) values ('gone.example.')`, left: 'name', stays: ['cdn.example.'] },
  target_names: {
    rows: `(target, in_zone, name, under) values ('cdn.example.', $1::bigint, 'kept', false), ('unread.example.', $1::bigint, 'gone', false)`,
    left: 'name',
    stays: ['kept'],
  },
  steady_packs: {
    rows: '(due_at, looked_at, looks) values (now(), now(), 7)',
    left: 'looks',
    stays: [],
  },
  guarded_targets: {
    rows: `(guard, target, aliases, state, at) values ('change', 'cdn.example.', 1, 'done', now() - interval '2 days'), ('empty', 'cdn.example.', 2, 'done', now())`,
    left: 'aliases',
    stays: ['2'],
  },
  alias_overrides: {
    rows: `(record_id, zone_id, owner, target, kind, answer) values (999999, $1::bigint, 'gone', 'cdn.example.', 'forced', '{}')`,
    left: 'owner',
    stays: [],
  },
  service_processes: {
    rows: `(id, roles, queue_kind, queue_hash, seen_at) values ('kept', '{}', 'redis', '', now()), ('gone', '{}', 'redis', '', now() - interval '2 hours')`,
    left: 'id',
    stays: ['kept'],
  },
};

test.each(Object.entries(ROWS))('%s', async (table, { rows, left, stays }) => {
  await store.pool.query({
    text: `with given as (select $1::bigint, $2::bigint) insert into ${table} ${rows}`,
    values: [zone, secondary],
  });
  const before = await store.pool.query(`select from ${table}`);
  await maintain();
  const after = await store.pool.query(`select (${left})::text as what from ${table}`);
  expect(before.rowCount).toBeGreaterThan(stays.length);
  expect(after.rows.map(({ what }) => what).sort()).toEqual(stays);
});

test('zone_changes: the journal, by versions of each zone', async () => {
  for (let host = 1; host <= 6; host++) {
    await addRecord(store, zone, `h${host}.kept.test.`, 'A', '192.0.2.1');
    await publishAll(store);
  }
  await maintain();
  const { rows } = await store.pool.query('select count(*)::integer as count from zone_changes');
  expect(rows).toEqual([{ count: RETENTION.journal.versions }]);
});

test('served_changes: all of them where no process answers DNS, else what is not confirmed stays', async () => {
  const left = async () =>
    (await store.pool.query('select count(*)::integer as count from served_changes')).rows[0].count;
  await store.pool.query(
    'insert into served_changes (zone) select n::text from generate_series(1, 12000) as n',
  );
  await store.pool.query(takeLease('new', 60_000));
  await maintain();
  expect(await left()).toBeGreaterThanOrEqual(12_000);
  await store.pool.query('delete from transfer_leases');
  // a transaction of any other database of this server keeps snapshots back for as long as it runs
  await until('they are forgotten', async () => {
    await maintain();
    return (await left()) === 0;
  });
});

test('no table is left out', async () => {
  const { rows } = await store.pool.query<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = current_schema() order by 1`,
  );
  // as large as what operators write, or as the service has processes
  const asLargeAsGiven = [
    ...['zones', 'records', 'secondaries', 'tsig_keys', 'api_tokens', 'zoneferry_migrations'],
    // one row, or few, for each ALIAS, record or zone, and gone with it
    ...['aliases', 'alias_names', 'transfer_records', 'serial_questions'],
    // until they are told of, which whoever publishes does at once
    'zone_news',
    // forgotten with their changes
    'transfer_leases',
  ];
  expect([...asLargeAsGiven, ...Object.keys(ROWS), 'zone_changes', 'served_changes'].sort()).toEqual(
    rows.map(({ name }) => name),
  );
});
