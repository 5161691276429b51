/**
 * A sweep of every target where nothing changed, by the road of the schedule, beside a bare Node client with as many sockets on the same
 * unbound, and dnsperf: `npm run bench -- sweep [--aliases 1000000] [--runs 5]`. Shows answers a second, rows written, and memory.
 */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import type pg from 'pg';
import { systemClock } from '../src/clock.ts';
import { silentLog } from '../src/log.ts';
import { openQueues, type ResyncResult } from '../src/sync/queues.ts';
import { resultOf } from '../test/support/queue.ts';
import { say } from './big/stage.ts';
import { cpuSeconds } from './small/cpu.ts';
import { median, printMachine } from './small/table.ts';
import { sizeOf, targetName } from './sweep/dataset.ts';
import { onStage, type Stage } from './sweep/stage.ts';
import { startUnbound } from './sweep/unbound.ts';
import { startWorker } from './sweep/worker.ts';

const SOCKETS = 8;
const AT_ONCE = 200;
/** Sweeps until every target is at rest: the first is decided on, the second brings the targets into packs. */
const WARM_UP = 2;
const TABLES = [
  'transfer_records',
  'zone_changes',
  'zones',
  'notifications',
  'zone_marks',
  'alias_targets',
  'steady_packs',
];

const { values: given } = parseArgs({
  options: { aliases: { type: 'string', default: '1000000' }, runs: { type: 'string', default: '5' } },
});
const size = sizeOf(Number(given.aliases));
const execute = promisify(execFile);

await onStage(size, measure);

async function measure({ folder, databaseUrl, pool, onEnd }: Stage): Promise<void> {
  const unbound = await startUnbound(size.targets, folder);
  onEnd(() => unbound.stop());
  const questions = join(folder, 'questions');
  await writeFile(questions, questionsOfAll());
  const worker = await startWorker(databaseUrl, unbound.port, folder);
  onEnd(() => worker.stop());
  const queues = await openQueues({ databaseUrl, log: silentLog, clock: systemClock });
  onEnd(() => queues.close());

  const bare: number[] = [];
  const ours: number[] = [];
  const perf: number[] = [];
  const cpus: number[][] = [];
  const programs = [worker.pid, await postmaster(pool), unbound.pid];
  const written: Record<string, number>[] = [];
  for (let run = -WARM_UP; run < Number(given.runs); run++) {
    const { rate: floor, micros } = await askBarely(unbound.port);
    // as if their time had come: of targets at rest that of their packs
    await pool.query(`update alias_targets set due_at = now() where due_at < 'infinity'`);
    await pool.query('update steady_packs set due_at = now()');
    const before = await writes(pool);
    const cpuBefore = cpuOf(programs);
    const begun = performance.now();
    const job = await queues.add({ due: true, reason: 'bench' });
    const result = (await resultOf(queues.queue, job, 300_000)) as ResyncResult;
    const seconds = (performance.now() - begun) / 1000;
    if (result.resolved !== size.targets)
      throw new Error(`${JSON.stringify(result)}\n${worker.log().slice(-2_000)}`);
    const cpu = cpuOf(programs).map((spent, index) => spent - (cpuBefore[index] ?? 0));
    const after = await writes(pool);
    const rate = (2 * size.targets) / seconds;
    const peer = await dnsperf(unbound.port, questions);
    say(
      `run ${run + 1}: bare ${floor.toFixed(0)}, ours ${rate.toFixed(0)}, ${(rate / floor).toFixed(2)}; dnsperf ${peer.toFixed(0)}; CPU ${cpu.map((spent) => spent.toFixed(2)).join(' + ')} s, bare ${((micros * 2 * size.targets) / 1e6).toFixed(2)}; ${worker.memory()?.toFixed(0)} MB`,
    );
    if (run < 0) continue;
    bare.push(floor);
    ours.push(rate);
    perf.push(peer);
    cpus.push(cpu);
    written.push(
      Object.fromEntries(TABLES.map((table) => [table, (after[table] ?? 0) - (before[table] ?? 0)])),
    );
  }

  printMachine();
  const number = (value: number) => Math.round(value).toLocaleString('en');
  console.log(
    `\n### ${number(size.aliases)} aliases on ${number(size.targets)} targets in ${number(size.zones)} zones, nothing changed\n`,
  );
  console.log('| client | answers a second | ours to it |\n| --- | --- | --- |');
  for (const [name, rates] of [
    ['Zoneferry, the whole job', ours],
    ['bare Node client', bare],
    ['dnsperf', perf],
  ] as const) {
    const ratios = ours.map((rate, run) => rate / (rates[run] ?? Number.NaN));
    console.log(
      `| ${name} | ${number(median(rates))} (${number(Math.min(...rates))}-${number(Math.max(...rates))}) | ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}) |`,
    );
  }
  console.log(
    `\nRows written in each: ${TABLES.map((table) => `${table} ${[...new Set(written.map((rows) => rows[table]))].join(' or ')}`).join(', ')}. The worker's most memory: ${worker.memory()?.toFixed(0)} MB.`,
  );
}

/** Seconds of CPU that these processes have had so far. */
function cpuOf(pids: readonly number[]): number[] {
  return pids.map((pid) => cpuSeconds(pid) ?? Number.NaN);
}

async function postmaster(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query('show data_directory');
  const file = join(rows[0].data_directory, 'postmaster.pid');
  return Number((await readFile(file, 'utf8')).split('\n')[0]);
}

/** Rows inserted, updated and deleted so far. */
async function writes(pool: pg.Pool): Promise<Record<string, number>> {
  // what other sessions have counted is handed in about once a second
  await pool.query('select pg_stat_force_next_flush()');
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const { rows } = await pool.query<{ name: string; count: number }>(
    `select relname as name, (n_tup_ins + n_tup_upd + n_tup_del)::float8 as count from pg_stat_user_tables where relname = any ($1)`,
    [TABLES],
  );
  return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
}

/** Answers a second, and microseconds of CPU for each. */
async function askBarely(port: number): Promise<{ rate: number; micros: number }> {
  const file = join(import.meta.dirname, 'sweep', 'bare.ts');
  const { stdout } = await execute(
    process.execPath,
    [file, port, size.targets, SOCKETS, AT_ONCE].map(String),
  );
  const [rate = 0, micros = 0] = stdout.split(' ').map(Number);
  return { rate, micros };
}

async function dnsperf(port: number, questions: string): Promise<number> {
  const { stdout } = await execute(
    'dnsperf',
    `-s 127.0.0.1 -p ${port} -d ${questions} -c ${SOCKETS} -T 1 -q ${AT_ONCE} -n 1`.split(' '),
  );
  const rate = Number(/Queries per second:\s+([\d.]+)/.exec(stdout)?.[1]);
  if (!Number.isFinite(rate)) throw new Error(stdout);
  return rate;
}

function questionsOfAll(): string {
  return Array.from(
    { length: size.targets },
    (_, target) => `${targetName(target)} A\n${targetName(target)} AAAA\n`,
  ).join('');
}
