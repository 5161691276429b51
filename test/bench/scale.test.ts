import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type Coefficients, measured } from '../../bench/scale/coefficients.ts';
import {
  byUtilisation,
  demand,
  type Installation,
  installationsFor,
  type Load,
  targetsOf,
  utilisation,
  versionsPerSecond,
  zonesUntil,
} from '../../bench/scale/demand.ts';
import { visible } from '../../bench/scale/lines.ts';
import { arrivalsOf, capacityOf, quantile, randomFrom, simulate } from '../../bench/scale/simulate.ts';

const ROOT = resolve(import.meta.dirname, '../..');

const load: Load = {
  zones: 864_000,
  records: 10,
  aliases: 2,
  zonesPerTarget: 10,
  lookEvery: 100,
  edits: 1,
  moves: 0.5,
  secondaries: 2,
  refresh: 3_600,
  journalDays: 30,
  journalVersions: 1_000,
  historyDays: 7,
};
const has: Installation = {
  workers: 2,
  transfers: 2,
  databaseCores: 8,
  databaseDisk: 1e12,
  transferMemory: 4e9,
  queueMemory: 1e9,
  resolvers: 10_000,
  line: 1e9,
  notifyRate: 500,
  serialQueries: 10_000,
};

function use(name: string, of = load, cost: Coefficients = measured): number {
  const found = demand(of, has, cost).find((resource) => resource.name === name);
  if (found === undefined) throw new Error(`no resource "${name}"`);
  return found.use;
}

describe('what a load asks for', () => {
  test('versions come of edits, and of moves in each zone that follows', () => {
    expect(versionsPerSecond(load)).toBe((864_000 * (1 + 2 * 0.5)) / 86_400);
    expect(targetsOf(load)).toBe(172_800);
  });

  test('is counted for each version, look, poll and octet', () => {
    expect(use('resolvers')).toBe((172_800 / 100) * 2);
    expect(use('NOTIFY rate to a secondary')).toBe(20);
    expect(use('secondary: its SOA questions')).toBe(864_000 / 3_600 + 20);
    expect(
      use('workers', load, {
        ...measured,
        publish: { process: 1e6, database: 0 },
        alone: { process: 0, database: 0 },
        look: { process: 0, database: 0 },
      }),
    ).toBeCloseTo(20);
    const { disk } = measured;
    const more = use('PostgreSQL: disk', { ...load, records: 11 }) - use('PostgreSQL: disk');
    expect(more).toBeCloseTo(load.zones * (disk.record + disk.publishedRecord));
  });

  test('grows with the zones, but for the memory of a process and the queue, which are bounded', () => {
    const ten = { ...load, zones: load.zones * 10 };
    for (const { name, use: asked, stays } of demand(load, has, {
      ...measured,
      memory: { process: 0, zone: 400 },
    })) {
      if (stays === 'constant') expect(use(name, ten), name).toBe(asked);
      else if (name !== 'memory of a transfer process')
        expect(use(name, ten) / asked, name).toBeGreaterThan(5);
    }
    expect(use('memory of a transfer process', ten)).toBe(
      measured.memory.process + 1e6 * measured.memory.zone,
    );
  });

  test('what is full first changes with the costs', () => {
    const first = (cost: Coefficients) => byUtilisation(demand(load, has, cost))[0]?.name;
    const cheap = { ...measured, prune: { process: 0, database: 0 } };
    expect(first({ ...cheap, publish: { process: 1e6, database: 0 } })).toBe('workers');
    expect(first({ ...cheap, publish: { process: 0, database: 1e6 } })).toBe('PostgreSQL: CPU');
    expect(first({ ...cheap, disk: { ...measured.disk, record: 1e6 } })).toBe('PostgreSQL: disk');
    expect(first({ ...cheap, wire: { ...measured.wire, look: 1e6 } })).toBe('network');
  });

  test('is shared among as many installations as keep each below a share, and not one fewer', () => {
    const cost = { ...measured, publish: { process: 1e6, database: 0 } };
    const count = installationsFor(load, has, cost, 0.7);
    const worst = (installations: number) =>
      Math.max(
        ...demand({ ...load, zones: load.zones / installations }, has, cost)
          .filter(({ stays }) => stays === undefined)
          .map(utilisation),
      );
    expect(worst(count)).toBeLessThanOrEqual(0.7);
    expect(worst(count - 1)).toBeGreaterThan(0.7);
    expect(installationsFor({ ...load, zones: 100 }, has, measured, 0.7)).toBe(1);
    const memory = { ...measured, memory: { process: 8e9, zone: 0 } };
    expect(installationsFor(load, has, memory, 0.7), 'no sharing helps').toBe(Number.POSITIVE_INFINITY);
  });
});

test('the zones at which a resource is full are found, and that one never is', () => {
  const until = (name: string) => zonesUntil(0.7, name, load, has, measured);
  expect(until('resolvers')).toBe(
    (0.7 * has.resolvers * load.lookEvery * load.zonesPerTarget) / load.aliases / 2,
  );
  expect(until('Redis or Valkey')).toBeUndefined();
});

describe('the lines', () => {
  const one = { name: 'one', servers: 1, batch: 1, fixedMs: 10, eachMs: 0 };

  test('of one server let one through after the other', () => {
    expect(simulate([one], [0, 0, 5, 100])).toEqual([10, 20, 30, 110]);
    expect(simulate([{ ...one, servers: 2 }], [0, 0, 5, 100])).toEqual([10, 10, 20, 110]);
  });

  test('take together what waits, up to a batch', () => {
    const batch = { ...one, batch: 3, eachMs: 1 };
    expect(simulate([batch], [0, 1, 2, 3, 4])).toEqual([11, 24, 24, 24, 35]);
    expect(capacityOf(batch)).toBeCloseTo(3_000 / 13);
  });

  test('come one behind the other', () => {
    expect(simulate([one, { ...one, fixedMs: 20 }], [0, 0])).toEqual([30, 50]);
  });

  test('wait as long as queueing theory has it: one server, arrivals by chance, half used', () => {
    const arrivals = arrivalsOf(50, 200_000, randomFrom(7));
    const waits = simulate([one], arrivals).map((end, index) => end - 10 - (arrivals[index] ?? 0));
    // Pollaczek-Khinchine for service of one length: rho / (2 (1 - rho)) services
    expect(waits.reduce((sum, wait) => sum + wait, 0) / waits.length).toBeCloseTo(5, 0);
  });
});

test('a change is visible soon where nothing is full, later where a line grows, and never where one is too slow', () => {
  const cost = { ...measured, prune: { process: 0, database: 0 } };
  const soon = visible(load, has, cost);
  const later = visible(
    { ...load, edits: 40 },
    { ...has, workers: 20, transfers: 20, databaseCores: 200, serialQueries: 670 },
    cost,
  );
  if (soon.kind !== 'visible' || later.kind !== 'visible') throw new Error('neither falls behind');
  expect(later.p99).toBeGreaterThan(soon.p99);
  expect(visible(load, { ...has, serialQueries: 20 }, cost)).toEqual({
    kind: 'falls-behind',
    because: 'secondary: its SOA questions',
  });
});

test('quantiles are by nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  expect([0.5, 0.99, 1].map((share) => quantile(hundred, share))).toEqual([50, 99, 100]);
});

describe('the commands of docs/scale.md', () => {
  const text = readFileSync(join(ROOT, 'docs/scale.md'), 'utf8');
  const commands = [...text.matchAll(/^npm run bench -- (scale.*)$/gm)].map(([, words = '']) => words);

  // measuring starts a service and takes minutes
  test.each(commands.filter((words) => !words.includes('--measure')))('%s', async (words) => {
    const { stdout } = await promisify(execFile)(process.execPath, ['bench/run.ts', ...words.split(' ')], {
      cwd: ROOT,
    });
    expect(stdout).toMatch(/^Full first: .* at [\d,]+ zones\./m);
    expect(stdout).toMatch(/^Change to visible, all in one: /m);
    if (words.includes('--serial-queries 20'))
      expect(stdout).toContain('never catches up, for secondary: its SOA questions');
  });

  test('the costs that it shows are those of the model', () => {
    const { disk, queue } = measured;
    for (const octets of [disk.zone, disk.target, disk.alias, disk.version])
      expect(text).toContain(`| ${octets.toLocaleString('en')}`);
    expect(text).toContain(`${disk.record} / ${disk.publishedRecord}`);
    expect(text).toContain(`${disk.outbox} / ${disk.ledger} / ${disk.seen}`);
    expect(text).toContain(`${measured.publish.process} µs | ${measured.publish.database} µs`);
    expect(text).toContain(`${queue / 1e6} MB`);
  });
});
