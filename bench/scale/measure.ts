import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { removeEmbedded, startEmbedded } from '../../src/embedded/index.ts';
import { pruneJournal } from '../../src/store/maintenance.ts';
import { createPool } from '../../src/store/pool.ts';
import { type Service, startService } from '../../test/support/service.ts';
import { until } from '../../test/support/until.ts';
import { Upstream } from '../../test/support/upstream.ts';
import { type Fake, startFake } from '../converge/fakes.ts';
import { cpuSeconds } from '../small/cpu.ts';
import type { Coefficients } from './coefficients.ts';
import { disk, memoryOfZone } from './sizes.ts';

const RECORDS = 11;
const SECONDARIES = 2;
const ALONE = 50;
const LONGEST = { deadlineMs: 600_000, everyMs: 100 };

/** What can be measured in a minute or two on a service of its own with so many zones; the rest stays as it is in `known`. */
export async function measure(zones: number, known: Coefficients): Promise<Coefficients> {
  const folder = await mkdtemp(join(tmpdir(), 'zoneferry-bench-scale-'));
  await chmod(folder, 0o711);
  const database = await startEmbedded(folder);
  const pool = new pg.Pool({ connectionString: database.url, max: 3 });
  const upstream = await Upstream.start();
  const fakes: Fake[] = [];
  let service: Service | undefined;
  try {
    for (let index = 0; index < zones; index++)
      upstream.set(`t${index}.example.net`, { A: ['198.51.100.1'], ttl: 3600 });
    service = await startService({
      databaseUrl: database.url,
      resolver: upstream.endpoint,
      settings: { LOG_LEVEL: 'warn', RESYNC_CRON: '0 0 0 1 1 *', NOTIFY_RATE: '10000' },
    });
    const base = memory(service.pid);
    await insertZones(pool, zones);
    await all(
      pool,
      'targets were looked at',
      zones,
      'select count(*) from alias_targets where looked_at is not null',
    );
    await published(pool);
    const spent = () => cpu(service?.pid ?? 0, pool);
    // by the third time targets are at rest, and looked at as they mostly are
    let look = { process: 0, database: 0 };
    for (let turn = 0; turn < 3; turn++)
      look = await each(zones, spent, () => lookAtDue(database.url, service!));
    const publishAll = async () => {
      await change(pool);
      await published(pool);
    };
    // what the last changesets touched is compared: of the ALIAS records the fakes know nothing
    for (let before = 0; before < 2; before++) await publishAll();
    const publish = await each(zones, spent, publishAll);
    const alone = await each(ALONE, spent, async () => {
      for (let turn = 0; turn < ALONE; turn++) {
        await change(pool, `z${turn}.scale.test.`);
        await published(pool);
      }
    });
    for (let index = 0; index < SECONDARIES; index++) {
      const fake = await startFake();
      fakes.push(fake);
      await pool.query('insert into secondaries (name, addresses) values ($1, $2)', [
        `fake${index}`,
        [`127.0.0.1:${fake.port}`],
      ]);
    }
    await seen(pool, zones * SECONDARIES);
    const both = await each(zones, spent, async () => {
      await publishAll();
      await seen(pool, zones * SECONDARIES);
    });
    await pool.query('vacuum full analyze');
    const less = (a: number, b: number) => Math.max(0, a - b) / SECONDARIES;
    return {
      ...known,
      publish,
      alone: { process: alone.process - publish.process, database: alone.database - publish.database },
      tell: {
        process: less(both.process, publish.process),
        database: less(both.database, publish.database),
      },
      look,
      prune: { process: 0, database: await pruning(database.url) },
      disk: await disk(pool),
      memory: { process: base, zone: memoryOfZone() },
    };
  } finally {
    for (const fake of fakes) fake.stop();
    await service?.stop();
    await upstream.close();
    await pool.end();
    await database.leave();
    await removeEmbedded(folder);
    await rm(folder, { recursive: true, force: true });
  }
}

async function insertZones(pool: pg.Pool, zones: number): Promise<void> {
  await pool.query(
    `with z as (
       insert into zones (name, primary_ns, contact) select 'z' || n || '.scale.test.', 'ns.scale.test.', 'h@scale.test'
       from generate_series(0, $1::integer - 1) as n returning id, name)
     insert into records (zone_id, name, type, content)
     select id, name, 'NS', 'ns.scale.test.' from z
     union all select id, 'h' || h || '.' || name, 'A', '192.0.2.1' from z, generate_series(2, $2::integer) as h
     union all select id, name, 'ALIAS', 't' || substr(split_part(name, '.', 1), 2) || '.example.net.' from z`,
    [zones, RECORDS],
  );
}

/** A fake has 192.0.2.SERIAL for any name. */
async function change(pool: pg.Pool, zone?: string): Promise<void> {
  await pool.query(
    `update records r set content = '192.0.2.' || z.published_serial + 1 from zones z where z.id = r.zone_id and r.type = 'A' and r.name like 'h2.%'
       and ($1::text is null or z.name = $1)`,
    [zone],
  );
}

/** All targets at once, as the schedule does when they are due. */
async function lookAtDue(url: string, service: Service): Promise<void> {
  const pool = createPool(url, { max: 1 });
  try {
    await pool.query('update steady_packs set due_at = now()');
    await pool.query(`update alias_targets set due_at = now() where due_at < 'infinity'`);
    const reply = await fetch(`http://${service.http.ip}:${service.http.port}/v1/resyncs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ due: true }),
    });
    if (!reply.ok) throw new Error(`the job was not taken: ${reply.status} ${await reply.text()}`);
    await until(
      'all targets were looked at',
      async () => {
        const { rows } = await pool.query(
          `select exists (select from steady_packs where due_at < now() + interval '5 minutes')
             or exists (select from alias_targets where due_at < now() + interval '5 minutes') as left`,
        );
        return !rows[0].left;
      },
      LONGEST,
    );
  } finally {
    await pool.end();
  }
}

async function published(pool: pg.Pool): Promise<void> {
  await until(
    'all is published',
    async () => !(await pool.query('select exists (select from zone_marks) as left')).rows[0].left,
    LONGEST,
  );
}

async function seen(pool: pg.Pool, count: number): Promise<void> {
  await all(
    pool,
    'all was seen',
    count,
    `select count(*) from convergence c join zones z on z.id = c.zone_id
     where c.serial = z.published_serial and c.checked_at is not null and c.next_check_at is null`,
  );
}

async function all(pool: pg.Pool, what: string, count: number, query: string): Promise<void> {
  await until(what, async () => Number((await pool.query(query)).rows[0].count) === count, LONGEST);
}

interface Spent {
  process: number;
  database: number;
}

/** Microseconds of CPU for each of `count` things. */
async function each(
  count: number,
  spent: () => Promise<Spent>,
  work: () => Promise<unknown>,
): Promise<Spent> {
  const before = await spent();
  await work();
  const after = await spent();
  return {
    process: ((after.process - before.process) / count) * 1e6,
    database: ((after.database - before.database) / count) * 1e6,
  };
}

async function cpu(pid: number, pool: pg.Pool): Promise<Spent> {
  const { rows } = await pool.query('select pg_backend_pid() as pid');
  const parent = Number(/PPid:\s+(\d+)/.exec(readFileSync(`/proc/${rows[0].pid}/status`, 'utf8'))?.[1]);
  return { process: cpuSeconds(pid) ?? Number.NaN, database: cpuSeconds(parent) ?? Number.NaN };
}

/** Octets that a process has in memory. */
function memory(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

/** Microseconds for each version that stays. */
async function pruning(url: string): Promise<number> {
  const pool = createPool(url);
  try {
    const { rows } = await pool.query('select count(*) from zone_changes');
    const times: number[] = [];
    for (let turn = 0; turn < 5; turn++) {
      const begun = performance.now();
      await pruneJournal(pool, { versions: 1_000, days: 30, bytes: 64 * 1024 * 1024 });
      times.push(performance.now() - begun);
    }
    return (Math.min(...times) * 1e3) / Number(rows[0].count);
  } finally {
    await pool.end();
  }
}
