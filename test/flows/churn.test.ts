import { existsSync, readdirSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { acknowledge, FakeSecondary } from '../notify/fake-secondary.ts';
import { freshDatabase } from '../support/database.ts';
import { freePort, installed, type Secondary, startSecondary } from '../support/secondaries/index.ts';
import { type Service, startService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { Upstream } from '../support/upstream.ts';

const ZONES = 40;
const VERSIONS = 5;
const LEDGER_ROWS = 1_000;
const CHURN_MS = 30_000;

/** A bounded form of `npm run bench -- soak`: edits and moves go on, and what is kept of them stays within its settings. */
test('a steady churn leaves every table within its bound, no handle behind, and all secondaries at the last content', {
  timeout: 240_000,
}, async () => {
  const { pool, service, upstream } = house;
  await until('all is published', async () => (await count('zones where published_serial is null')) === 0);
  const begun = performance.now();
  let edits = 0;
  let before: ReturnType<typeof handles> | undefined;
  while (performance.now() - begun < CHURN_MS) {
    await Promise.all(
      Array.from({ length: 8 }, () =>
        pool.query(`update records set content = $1 where type = 'A' and name = $2`, [
          `10.${edits % 200}.${Math.floor(Math.random() * 256)}.${1 + (edits++ % 250)}`,
          `www.z${Math.floor(Math.random() * ZONES)}.churn.test.`,
        ]),
      ),
    );
    if (edits % 200 === 0)
      upstream.set('target.example.', { A: [`198.51.100.${1 + ((edits / 200) % 250)}`], ttl: 1 });
    // a third is for warming up
    if (before === undefined && performance.now() - begun > CHURN_MS / 3) before = handles(service.pid);
  }
  await pool.query(`update records set content = '192.0.2.77' where type = 'A'`);
  await until(
    'all secondaries serve the last content',
    async () =>
      (await count(
        'convergence c join zones z on z.id = c.zone_id where c.serial = z.published_serial and c.serving_at is not null',
      )) >=
      ZONES * house.verified,
    { deadlineMs: 90_000, everyMs: 250, explain: () => service.log().slice(-3_000) },
  );
  const after = handles(service.pid);
  expect(edits).toBeGreaterThan(ZONES);
  expect(await count('zone_changes'), 'there was something to keep').toBeGreaterThan(0);

  // one more start prunes at once, as each run of the maintenance does
  await house.restart();
  await until('the journal is within its setting', async () => (await most('zone_changes')) <= VERSIONS);
  await until(
    'what records held goes with it',
    async () =>
      (await count(
        'record_history h where not exists (select from zone_changes c where c.zone_id = h.zone_id and c.to_serial = h.serial)',
      )) === 0,
  );
  expect(await most('record_history')).toBeLessThan(VERSIONS * 400);
  await until(
    'the ledger is within its setting',
    async () => (await count('convergence_history')) <= LEDGER_ROWS,
  );
  await until(
    'nothing waits',
    async () =>
      (await count('zone_marks')) +
        (await count('zone_news')) +
        (await count('serial_questions')) +
        (await count('notifications where acked_serial is distinct from serial')) ===
      0,
    { deadlineMs: 60_000 },
  );
  await until('changes that all have read are forgotten', async () => (await count('served_changes')) < 500, {
    deadlineMs: 60_000,
    everyMs: 250,
  });
  for (const table of ['notifications', 'convergence'])
    expect(await count(table), table).toBeLessThanOrEqual(ZONES * 2);
  expect(await count('alias_targets'), 'alias_targets').toBe(1);
  expect(after.handles, `handles, ${before?.handles} before`).toBeLessThan((before?.handles ?? 0) + 30);
});

let house: {
  pool: pg.Pool;
  service: Service;
  upstream: Upstream;
  /** Secondaries that have to be seen serving. */
  verified: number;
  restart(): Promise<void>;
};
const stops: (() => unknown)[] = [];

beforeAll(async () => {
  const database = await freshDatabase();
  stops.push(() => database.drop());
  const upstream = await Upstream.start();
  stops.push(() => upstream.close());
  upstream.set('target.example.', { A: ['198.51.100.1'], ttl: 1 });
  const pool = new pg.Pool({ connectionString: database.url, max: 10 });
  pool.on('error', () => {});
  stops.push(() => pool.end());
  const dnsPort = await freePort();
  const start = async () => {
    const service = await startService({
      databaseUrl: database.url,
      dnsPort,
      resolver: upstream.endpoint,
      settings: { JOURNAL_VERSIONS: String(VERSIONS), LEDGER_ROWS: String(LEDGER_ROWS), LOG_LEVEL: 'warn' },
    });
    stops.push(() => service.stop());
    return service;
  };
  const service = await start();
  await pool.query(
    `with z as (insert into zones (name, primary_ns, contact) select 'z' || n || '.churn.test.', 'ns.churn.test.', 'h@churn.test' from generate_series(0, $1::integer - 1) as n returning id, name)
     insert into records (zone_id, name, type, content)
     select id, name, 'NS', 'ns.churn.test.' from z union all select id, 'www.' || name, 'A', '192.0.2.1' from z
     union all select id, 'app.' || name, 'ALIAS', 'target.example.' from z`,
    [ZONES],
  );
  const fake = await FakeSecondary.start();
  stops.push(() => fake.close());
  fake.reply = ({ message }) => [acknowledge(message)];
  // told, and not looked at: the outbox without a server behind it
  await pool.query(`insert into secondaries (name, addresses, check_addresses) values ('told', $1, '{}')`, [
    [`127.0.0.1:${fake.endpoint.port}`],
  ]);
  const verified = await startKnot(pool, service);
  house = {
    pool,
    service,
    upstream,
    verified: verified === undefined ? 0 : 1,
    restart: async () => {
      await house.service.stop();
      house.service = await start();
    },
  };
}, 120_000);

afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
});

async function startKnot(pool: pg.Pool, service: Service): Promise<Secondary | undefined> {
  if (!installed('knot')) return undefined;
  const port = await freePort();
  await pool.query(`insert into secondaries (name, addresses) values ('knot', $1)`, [[`127.0.0.1:${port}`]]);
  const config = await service.cli('secondary', 'config', 'knot', '--for', 'knot');
  const knot = await startSecondary('knot', { primary: service.dns, zones: [], port, config });
  stops.push(() => knot.stop());
  return knot;
}

async function count(from: string): Promise<number> {
  const { rows } = await house.pool.query(`select count(*)::integer as count from ${from}`);
  return rows[0].count;
}

/** The most rows of one zone. */
async function most(table: string): Promise<number> {
  const { rows } = await house.pool.query(
    `select coalesce(max(count), 0)::integer as most from (select count(*) from ${table} group by zone_id) as each`,
  );
  return rows[0].most;
}

/** None where the system has no /proc. */
function handles(pid: number): { handles: number } {
  if (!existsSync('/proc/self/fd')) return { handles: 0 };
  return { handles: readdirSync(`/proc/${pid}/fd`).length };
}
