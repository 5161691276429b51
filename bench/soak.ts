/**
 * A steady churn for an hour: SQL edits over many zones, targets that move, real secondaries that follow. Then what it held at the start and at the
 * end: memory, open handles, tables, queue, outbox, change to visible. Exit status 1 where something grew.
 * `npm run bench -- soak [--minutes 60] [--warm-up 10] [--zones 10000] [--rate 1000] [--at-once 8] [--moves 2] [--report-every 60] [--out FILE] [--queue redis|postgresql]
 * [--bind 10000] [--nsd 10000] [--knot 10000] [--powerdns 1000] [--set NAME=VALUE ...]`. `--rate`: edits a second, each a transaction; `--at-once`: of them under way; `--moves`: targets a second, each
 * with ten zones; `--bind` and the others: how many of the zones each has; `--set`: a setting of the service, such as JOURNAL_VERSIONS=20. `--out` has all lines, while it
 * runs. Ctrl-C ends it early, with the table of what there was.
 */
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { SECONDARY_KINDS } from '../src/cli/secondary-config.ts';
import { printMachine } from './small/table.ts';
import { startLoad } from './soak/load.ts';
import { type Course, courseTable, FEWEST, judge, KINDS, type Sample } from './soak/measures.ts';
import { Probes } from './soak/probes.ts';
import { Sampler } from './soak/sampler.ts';
import { openStage, type Stage } from './soak/stage.ts';

const { values: given } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    'warm-up': { type: 'string' },
    zones: { type: 'string', default: '10000' },
    rate: { type: 'string', default: '1000' },
    'at-once': { type: 'string', default: '8' },
    moves: { type: 'string', default: '2' },
    'report-every': { type: 'string', default: '60' },
    out: { type: 'string' },
    queue: { type: 'string', default: 'redis' },
    bind: { type: 'string', default: '10000' },
    nsd: { type: 'string', default: '10000' },
    knot: { type: 'string', default: '10000' },
    powerdns: { type: 'string', default: '1000' },
    set: { type: 'string', multiple: true, default: [] },
  },
});
const minutes = Number(given.minutes);
const warmUp = given['warm-up'] === undefined ? Math.min(10, minutes / 4) : Number(given['warm-up']);
const every = Number(given['report-every']) * 1_000;
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    if (stopping.signal.aborted) process.exit(1);
    say(`${signal}: ending early; once more ends at once`);
    stopping.abort();
  });

const samples: Sample[] = [];
process.exitCode = 1;
let stage: Stage | undefined;
try {
  stage = await openStage({
    zones: Number(given.zones),
    shares: Object.fromEntries(SECONDARY_KINDS.map((kind) => [kind, Number(given[kind])])),
    settings: Object.fromEntries(given.set.map((text) => text.split(/=(.*)/s).slice(0, 2))),
    redis: given.queue === 'redis',
    say,
    signal: stopping.signal,
  });
  await churn(stage);
} catch (error) {
  // ended by hand while it was set up
  if (!stopping.signal.aborted || stage !== undefined) throw error;
} finally {
  await stage?.close();
}

async function churn(stage: Stage): Promise<void> {
  const { pool, laid, upstream, secondaries } = stage;
  printMachine();
  say(
    `${given.rate} changes a second offered over ${laid.zones.length} zones, ${given.moves} targets of ten zones a second move; secondaries: ` +
      `${secondaries.map(({ server, share }) => `${server.kind} with ${share}`).join(', ')}; queue in ${stage.redis ? 'Redis' : 'PostgreSQL'}; ${minutes} minutes, ${warmUp} of them to warm up`,
  );
  const load = startLoad({
    pool,
    laid,
    upstream,
    rate: Number(given.rate),
    atOnce: Number(given['at-once']),
    moves: Number(given.moves),
  });
  const probes = await Probes.start(pool, laid, secondaries);
  const begun = performance.now();
  try {
    const sampler = await Sampler.start(stage, load, probes);
    await sampler.look();
    for (let turn = 1; turn * every <= minutes * 60_000 + 1_000 && !stopping.signal.aborted; turn++) {
      await sleep(Math.max(0, begun + turn * every - performance.now()), undefined, {
        signal: stopping.signal,
      }).catch(() => {});
      const sample = await sampler.look();
      samples.push(sample);
      report(
        sample,
        load.failed === 0 ? '' : `; ${load.failed} edits failed, the last one: ${load.lastError}`,
      );
    }
  } finally {
    await load.stop();
    await probes.stop();
  }
  const seconds = (performance.now() - begun) / 1_000;
  const after = samples.filter(({ at }) => at >= warmUp * 60);
  if (after.length < FEWEST) {
    say(`${after.length} samples after the warm-up are too few to judge: ${FEWEST} are needed`);
    return;
  }
  say('');
  const courses = judge(after);
  for (const line of courseTable(courses.filter(isWorthALine))) say(line);
  const grown = courses.filter(({ grew }) => grew);
  say(
    `\n${load.offered} changes offered in ${seconds.toFixed(0)} s, ${load.committed} committed (${(load.committed / seconds).toFixed(0)} a second), ` +
      `${load.passedBy} not begun as too many were under way, ${load.failed} failed; ${load.moved} targets moved.`,
  );
  say(
    grown.length === 0
      ? 'Verdict: flat.'
      : `Verdict: grew: ${grown.map(({ name }) => name).join('; ')}.\n${stage.service.log().slice(-2_000)}`,
  );
  process.exitCode = grown.length === 0 && load.failed === 0 ? 0 : 1;
}

/** Small tables and empty states that stay so would fill pages. */
function isWorthALine({ kind, first, last, grew }: Course): boolean {
  if (grew) return true;
  if (kind === KINDS.size) return Math.max(first, last) >= 1;
  if (kind === KINDS.rows || kind === KINDS.dead) return Math.max(first, last) >= 1_000;
  return true;
}

/** A line for people, and with `--out` one for machines. */
function report(sample: Sample, more: string): void {
  const of = (name: string) => {
    const value = sample.values.get(name)?.value;
    return value === undefined ? '-' : Math.round(value);
  };
  const visible = [...sample.values]
    .filter(([name]) => name.includes('p50'))
    .map(([name, { value }]) => {
      const kind = name.split(':')[0];
      return `${kind} ${Math.round(value)}/${of(`${kind}: change to visible, p99`)}`;
    });
  const cpu = [...sample.values]
    .filter(([, { kind }]) => kind === 'cpu')
    .map(([name, { value }]) => `${name.split(':')[0]} ${Math.round(value)}`);
  say(
    `${Math.round(sample.at)} s: offered ${of('changes offered')}/s, committed ${of('changes committed')}/s, serials ${of('serials')}/s, ` +
      `IXFR ${of('transfers: IXFR')}/s, AXFR ${of('transfers: AXFR')}/s, NOTIFY ${of('NOTIFYs sent')}/s; ` +
      `visible p50/p99 ms ${visible.join(', ')}; wait: marks ${of('marks that wait to be published')}, outbox ${of('outbox: NOTIFYs not answered yet')}, ` +
      `looked for ${of('serials looked for at secondaries')}; PSS ${of('zoneferry: memory (PSS)')} + ${of('PostgreSQL: memory (PSS)')} MB; CPU % ${cpu.join(', ')}${more}`,
  );
  if (given.out !== undefined) {
    const values = Object.fromEntries(
      [...sample.values].map(([name, { value }]) => [name, Number(value.toFixed(2))]),
    );
    appendFileSync(given.out, `${JSON.stringify({ at: Math.round(sample.at), ...values })}\n`);
  }
}

function say(text: string): void {
  console.log(text);
  if (given.out !== undefined) appendFileSync(given.out, `${text}\n`);
}
