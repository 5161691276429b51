import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { cpuSeconds } from '../small/cpu.ts';
import type { Load } from './load.ts';
import { type KindName, quantile, type Sample } from './measures.ts';
import type { Probes } from './probes.ts';
import { holdingsOf } from './processes.ts';
import type { Stage } from './stage.ts';

const MB = 1024 * 1024;

/** Looks at everything; rates are those since the look before. */
export class Sampler {
  readonly #stage: Stage;
  readonly #load: Load;
  readonly #probes: Probes;
  readonly #begun = performance.now();
  readonly #postmaster: number;
  #before = new Map<string, number>();
  #beforeAt = performance.now();

  static async start(stage: Stage, load: Load, probes: Probes): Promise<Sampler> {
    const { rows } = await stage.pool.query('show data_directory');
    const text = await readFile(join(rows[0].data_directory, 'postmaster.pid'), 'utf8');
    return new Sampler(stage, load, probes, Number(text.split('\n')[0]));
  }

  private constructor(stage: Stage, load: Load, probes: Probes, postmaster: number) {
    this.#stage = stage;
    this.#load = load;
    this.#probes = probes;
    this.#postmaster = postmaster;
  }

  async look(): Promise<Sample> {
    const now = performance.now();
    const seconds = (now - this.#beforeAt) / 1_000;
    const values: Sample['values'] = new Map();
    const put = (name: string, kind: KindName, value: number) => values.set(name, { kind, value });
    const counts = new Map<string, number>();
    const { pool, service, redis, secondaries } = this.#stage;

    const load = this.#load;
    counts.set('changes offered', load.offered);
    counts.set('changes committed', load.committed);
    counts.set('targets moved', load.moved);
    const [tables, waiting, metrics] = await Promise.all([
      readTables(pool),
      readWaiting(pool),
      readMetrics(service.http),
    ]);
    counts.set('serials', waiting.serials);
    for (const [name, pattern] of TRANSFERS) counts.set(name, sumOf(metrics, pattern));
    for (const [name, count] of counts)
      if (this.#before.has(name)) put(name, 'rate', (count - (this.#before.get(name) ?? 0)) / seconds);

    for (const [kind, times] of this.#probes.take()) {
      put(`${kind}: change to visible, p50`, 'time', quantile(times, 0.5));
      put(`${kind}: change to visible, p99`, 'time', quantile(times, 0.99));
    }
    put('marks that wait to be published', 'waiting', waiting.marks);
    put('outbox: NOTIFYs not answered yet', 'waiting', waiting.outbox);
    put('serials looked for at secondaries', 'waiting', waiting.looked);
    put('targets due', 'waiting', waiting.targets);

    const processes: [string, number, boolean][] = [
      ['zoneferry', service.pid, true],
      ['PostgreSQL', this.#postmaster, true],
      ...secondaries.map(({ server }): [string, number, boolean] => [server.kind, server.pid, false]),
      ['this bench', process.pid, false],
    ];
    for (const [name, pid, isOurs] of processes) {
      // the children of this bench are all the others
      const cpu = (pid === process.pid ? ownSeconds() : cpuSeconds(pid)) ?? Number.NaN;
      counts.set(`cpu ${name}`, cpu);
      const before = this.#before.get(`cpu ${name}`);
      // a server's helpers come and go, and take what they had with them
      if (before !== undefined && cpu >= before) put(`${name}: CPU`, 'cpu', ((cpu - before) / seconds) * 100);
      if (pid === process.pid) continue;
      const held = holdingsOf(pid);
      put(`${name}: memory (PSS)`, isOurs ? 'memory' : 'shown', (held?.pss ?? 0) / MB);
      if (!isOurs) continue;
      if (name === 'zoneferry') put(`${name}: memory (RSS)`, 'memory', (held?.rss ?? 0) / MB);
      else put(`${name}: processes`, 'handles', held?.processes ?? 0);
      put(`${name}: open handles`, 'handles', held?.handles ?? 0);
      put(`${name}: sockets`, 'handles', held?.sockets ?? 0);
    }
    put('zoneferry: heap used', 'memory', sumOf(metrics, /^nodejs_heap_size_used_bytes /) / MB);
    put('zoneferry: timers', 'handles', sumOf(metrics, /^nodejs_active_resources\{type="Timeout"/));

    for (const state of ['waiting', 'active', 'delayed', 'completed', 'failed'])
      put(`queue: ${state}`, 'queue', sumOf(metrics, new RegExp(`^zoneferry_jobs\\{state="${state}"`)));
    if (redis) {
      const info = String(await redis.command('info', 'memory'));
      put('Redis: memory', 'memory', Number(/used_memory:(\d+)/.exec(info)?.[1]) / MB);
    }
    for (const { name, bytes, live, dead } of tables) {
      put(`${name}: size with indexes`, 'size', bytes / MB);
      put(`${name}: rows`, 'rows', live);
      put(`${name}: dead rows`, 'dead', dead);
    }
    this.#before = counts;
    this.#beforeAt = now;
    return { at: (now - this.#begun) / 1_000, values };
  }
}

function ownSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

const TRANSFERS: [string, RegExp][] = [
  ['transfers: IXFR', /^zoneferry_xfr_requests_total\{type="IXFR",result="ixfr"/],
  ['transfers: AXFR', /^zoneferry_xfr_requests_total\{type="[AI]XFR",result="axfr/],
  ['NOTIFYs sent', /^zoneferry_notify_sent_total/],
];

interface Table {
  name: string;
  bytes: number;
  live: number;
  dead: number;
}

/** Of our tables and the queue's, the indexes and what is stored apart among the bytes. Rows are PostgreSQL's own estimates. */
async function readTables(pool: pg.Pool): Promise<Table[]> {
  const { rows } = await pool.query<Table>(
    `select case when schemaname = 'bullmq' then 'bullmq.' else '' end || relname as name, pg_total_relation_size(relid)::float8 as bytes,
       n_live_tup::float8 as live, n_dead_tup::float8 as dead
     from pg_stat_user_tables order by relname`,
  );
  return rows;
}

async function readWaiting(
  pool: pg.Pool,
): Promise<{ marks: number; outbox: number; looked: number; targets: number; serials: number }> {
  const { rows } = await pool.query(
    `select (select count(*) from zone_marks)::float8 as marks, (select sum(published_serial) from zones)::float8 as serials,
       (select count(*) from notifications where acked_serial is distinct from serial)::float8 as outbox,
       (select count(*) from convergence where next_check_at is not null)::float8 as looked,
       (select count(*) from alias_targets where due_at < now())::float8 as targets`,
  );
  return rows[0];
}

async function readMetrics(http: { ip: string; port: number }): Promise<string> {
  const response = await fetch(`http://${http.ip}:${http.port}/metrics`, {
    signal: AbortSignal.timeout(60_000),
  });
  return response.text();
}

function sumOf(metrics: string, pattern: RegExp): number {
  let sum = 0;
  for (const line of metrics.split('\n'))
    if (pattern.test(line)) sum += Number(line.slice(line.lastIndexOf(' ') + 1));
  return sum;
}
