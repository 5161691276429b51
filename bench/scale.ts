/**
 * What a number of zones asks of PostgreSQL, Redis or Valkey, resolvers, secondaries and the network, what is full first, and how long changes then take to be
 * visible, by a model and a simulation of the lines that they wait in: `npm run bench -- scale [--zones 1000000,10000000,100000000] [--measure [--sample 2000]]`.
 * `--measure` takes the costs from a small real run on this machine first; without it they are those of bench/scale/coefficients.ts.
 * The load: `--records 12 --aliases 1 --zones-per-target 10 --look-every 300 --edits 1 --moves 1` (a day) `--secondaries 2 --refresh 3600 --journal-days 30`.
 * The installation: `--workers 4 --transfers 4 --database-cores 16 --disk-gb 4000 --memory-gb 4 --queue-gb 1 --resolvers 20000` (questions a second)
 * `--line-mbit 1000 --notify-rate 500 --serial-queries 50000` (a second and secondary; BIND's own is 20).
 */
import { parseArgs } from 'node:util';
import { measured } from './scale/coefficients.ts';
import {
  byUtilisation,
  demand,
  type Installation,
  installationsFor,
  type Load,
  type Resource,
  utilisation,
  versionsPerSecond,
  zonesUntil,
} from './scale/demand.ts';
import { visible } from './scale/lines.ts';
import { measure } from './scale/measure.ts';
import { printMachine } from './small/table.ts';

const OPTIONS = {
  zones: '1000000,10000000,100000000',
  sample: '2000',
  records: '12',
  aliases: '1',
  'zones-per-target': '10',
  'look-every': '300',
  edits: '1',
  moves: '1',
  secondaries: '2',
  refresh: '3600',
  'journal-days': '30',
  workers: '4',
  transfers: '4',
  'database-cores': '16',
  'disk-gb': '4000',
  'memory-gb': '4',
  'queue-gb': '1',
  resolvers: '20000',
  'line-mbit': '1000',
  'notify-rate': '500',
  'serial-queries': '50000',
} as const;

const { values } = parseArgs({
  options: {
    measure: { type: 'boolean', default: false },
    ...(Object.fromEntries(Object.keys(OPTIONS).map((name) => [name, { type: 'string' }])) as Record<
      keyof typeof OPTIONS,
      { type: 'string' }
    >),
  },
});

/** The share of a resource that is used when it counts as full: above it lines grow long. */
const FULL = 0.7;

const cost = values.measure ? await measure(number('sample'), measured) : measured;
if (values.measure) {
  printMachine();
  console.log(`\nMeasured with ${number('sample')} zones:\n\n${JSON.stringify(cost, null, 2)}`);
}
for (const zones of (values.zones ?? OPTIONS.zones).split(',').map(Number)) printSize(zones);

function printSize(zones: number): void {
  const load = loadOf(zones);
  const has = installation();
  const all = byUtilisation(demand(load, has, cost));
  console.log(
    `\n### ${zones.toLocaleString('en')} zones, ${versionsPerSecond(load).toFixed(1)} changes a second\n`,
  );
  console.log(
    `| resource | asked of it | it has | used | ${FULL * 100} % at so many zones |\n| --- | --- | --- | --- | --- |`,
  );
  for (const resource of all)
    console.log(
      `| ${resource.name} | ${inUnits(resource.use, resource.unit)} | ${inUnits(resource.capacity, resource.unit)} | ${(utilisation(resource) * 100).toPrecision(2)} % | ${zonesUntil(FULL, resource.name, load, has, cost)?.toLocaleString('en') ?? 'never'} |`,
    );
  const ends = (resource: Resource) =>
    zonesUntil(FULL, resource.name, load, has, cost) ?? Number.POSITIVE_INFINITY;
  const first = all.reduce((one, other) => (ends(other) < ends(one) ? other : one));
  const count = installationsFor(load, has, cost, FULL);
  console.log(
    `\nFull first: ${first.name}, at ${ends(first).toLocaleString('en')} zones. ${FULL * 100} % at most of all: ${count === 1 ? 'one installation' : `${count.toLocaleString('en')} installations`}.`,
  );
  console.log(`Change to visible, all in one: ${told(load, has)}.`);
  if (count > 1 && Number.isFinite(count))
    console.log(`Shared among ${count}: ${told(loadOf(zones / count), has)}.`);
}

function told(load: Load, has: Installation): string {
  const seen = visible(load, has, cost);
  return seen.kind === 'falls-behind'
    ? `it never catches up, for ${seen.because}`
    : `p50 ${seen.p50.toFixed(0)} ms, p99 ${seen.p99.toFixed(0)} ms, the longest wait is for ${seen.slowest}`;
}

function loadOf(zones: number): Load {
  return {
    zones,
    records: number('records'),
    aliases: number('aliases'),
    zonesPerTarget: number('zones-per-target'),
    lookEvery: number('look-every'),
    edits: number('edits'),
    moves: number('moves'),
    secondaries: number('secondaries'),
    refresh: number('refresh'),
    journalDays: number('journal-days'),
    journalVersions: 1_000,
    historyDays: 7,
  };
}

function installation(): Installation {
  return {
    workers: number('workers'),
    transfers: number('transfers'),
    databaseCores: number('database-cores'),
    databaseDisk: number('disk-gb') * 1e9,
    transferMemory: number('memory-gb') * 1e9,
    queueMemory: number('queue-gb') * 1e9,
    resolvers: number('resolvers'),
    line: number('line-mbit') * 1e6,
    notifyRate: number('notify-rate'),
    serialQueries: number('serial-queries'),
  };
}

function number(name: keyof typeof OPTIONS): number {
  const value = Number(values[name] ?? OPTIONS[name]);
  if (!(value >= 0)) throw new Error(`--${name}: got "${values[name]}", takes a number`);
  return value;
}

function inUnits(value: number, unit: Resource['unit']): string {
  const step = [1e12, 1e9, 1e6, 1e3].find((size) => value >= size && /^(B|bit)/.test(unit));
  if (step === undefined) return `${rounded(value)} ${unit}`;
  return `${rounded(value / step)} ${{ 1e12: 'T', 1e9: 'G', 1e6: 'M', 1e3: 'k' }[String(step)] ?? ''}${unit}`;
}

function rounded(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(2);
}
