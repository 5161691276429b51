/**
 * Many zones change in one transaction: all secondaries are told, and seen to serve the change, its content compared:
 * `npm run bench -- converge [--zones 5000] [--secondaries 2] [--rate 10000] [--ours]`. The secondaries are fakes on loopback, each in a process of its own, that have a
 * version as soon as they are told of it. Beside it the rates at which BIND and Knot tell the same of as many zones at their start, which is all that they do.
 */
import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { removeEmbedded, startEmbedded } from '../src/embedded/index.ts';
import { startService } from '../test/support/service.ts';
import { type Fake, startFake } from './converge/fakes.ts';
import { peersTell } from './converge/peers.ts';
import { cpuSeconds, peakMemory } from './small/cpu.ts';
import { printMachine } from './small/table.ts';

const { values: given } = parseArgs({
  options: {
    zones: { type: 'string', default: '5000' },
    secondaries: { type: 'string', default: '2' },
    rate: { type: 'string', default: '10000' },
    ours: { type: 'boolean', default: false },
  },
});
const zones = Number(given.zones);
const count = Number(given.secondaries);
const names = Array.from({ length: zones }, (_, index) => `z${index}.bench.`);

const folder = await mkdtemp(join(tmpdir(), 'zoneferry-bench-converge-'));
await chmod(folder, 0o711);
const fakes: Fake[] = [];
try {
  for (let index = 0; index < count; index++) fakes.push(await startFake());
  const peers = given.ours ? [] : await peersTell(names, fakes, folder);
  const ours = await measureOurs();
  printMachine();
  console.log(`\n### ${zones} zones change at once, ${count} secondaries\n`);
  console.log(
    '| server | NOTIFYs a second | seconds | CPU each, µs | seen serving, content compared, a second | memory |',
  );
  console.log('| --- | --- | --- | --- | --- | --- |');
  for (const { name, rate, seconds, cpu, memory } of peers)
    console.log(
      `| ${name}, at its start | ${rate === undefined ? 'not all' : Math.round(rate)} | ${seconds.toFixed(1)} | ${cpu.toFixed(0)} | nobody looks | ${memory ?? '?'} MiB |`,
    );
  console.log(
    `| Zoneferry, from the commit | ${Math.round(ours.told)} | ${ours.toldSeconds.toFixed(1)} | ${ours.cpu.toFixed(0)} + ${ours.databaseCpu.toFixed(0)} PostgreSQL | ${Math.round(ours.seen)}, all after ${ours.seenSeconds.toFixed(1)} s | ${ours.memory} MiB |`,
  );
  console.log(
    `\nAll published after ${ours.published.toFixed(1)} s; ${ours.queries} questions to the secondaries.`,
  );
} finally {
  for (const fake of fakes) fake.stop();
  await rm(folder, { recursive: true, force: true });
}

async function measureOurs() {
  const own = join(folder, 'ours');
  await mkdir(own);
  await chmod(own, 0o711);
  const database = await startEmbedded(own);
  const pool = new pg.Pool({ connectionString: database.url, max: 3 });
  const service = await startService({
    databaseUrl: database.url,
    settings: { LOG_LEVEL: 'warn', NOTIFY_RATE: given.rate },
  });
  try {
    for (const [index, fake] of fakes.entries())
      await pool.query('insert into secondaries (name, addresses) values ($1, $2)', [
        `fake${index}`,
        [`127.0.0.1:${fake.port}`],
      ]);
    await pool.query(
      `with z as (insert into zones (name, primary_ns, contact) select name, 'ns.bench.', 'h@bench' from unnest($1::text[]) as name returning id, name)
       insert into records (zone_id, name, type, content) select id, name, 'NS', 'ns.bench.' from z union all select id, 'www.' || name, 'A', '192.0.2.1' from z`,
      [names],
    );
    await allSeen(pool, 1);
    await pool.query('vacuum analyze');
    for (const fake of fakes) await fake.reset();
    const before = { ours: cpuSeconds(service.pid) ?? 0, database: await databaseCpu(pool) };
    const started = performance.timeOrigin + performance.now();
    await pool.query(`update records set content = '192.0.2.2' where type = 'A'`);
    const committed = performance.timeOrigin + performance.now();
    let published = 0;
    const watch = allPublished(pool).then(() => {
      published = (performance.timeOrigin + performance.now() - committed) / 1_000;
    });
    await allSeen(pool, 2);
    await watch;
    const seenSeconds = (performance.timeOrigin + performance.now() - committed) / 1_000;
    const reports = await Promise.all(fakes.map((fake) => fake.report()));
    if (reports.some((report) => report.zones !== zones))
      throw new Error('a secondary was not told of all zones');
    const toldSeconds = (Math.max(...reports.map((report) => report.last)) - committed) / 1_000;
    console.error(`the update itself took ${((committed - started) / 1_000).toFixed(1)} s`);
    const all = zones * count;
    return {
      told: all / toldSeconds,
      toldSeconds,
      seen: all / seenSeconds,
      seenSeconds,
      published,
      queries: reports.reduce((sum, report) => sum + report.queries, 0),
      cpu: (((cpuSeconds(service.pid) ?? 0) - before.ours) / all) * 1e6,
      databaseCpu: (((await databaseCpu(pool)) - before.database) / all) * 1e6,
      memory: peakMemory(service.pid),
    };
  } finally {
    await service.stop();
    await pool.end();
    await database.leave();
    await removeEmbedded(own);
  }
}

async function allPublished(pool: pg.Pool): Promise<void> {
  for (;;) {
    const { rows } = await pool.query('select exists (select from zone_marks) as left');
    if (!rows[0].left) return;
    await sleep(200);
  }
}

async function allSeen(pool: pg.Pool, serial: number): Promise<void> {
  for (let last = -1; ; await sleep(500)) {
    const { rows } = await pool.query(
      'select count(*)::integer as seen from convergence where serial = $1 and checked_at is not null and next_check_at is null',
      [serial],
    );
    const { seen } = rows[0];
    if (seen === zones * count) return;
    if (seen !== last) console.error(`serial ${serial}: ${seen} of ${zones * count} seen`);
    last = seen;
  }
}

/** Seconds of CPU of all processes of this PostgreSQL, those that have ended among them. */
async function databaseCpu(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query('select pg_backend_pid() as pid');
  const parent = Number(/PPid:\s+(\d+)/.exec(readFileSync(`/proc/${rows[0].pid}/status`, 'utf8'))?.[1]);
  return cpuSeconds(parent) ?? Number.NaN;
}
