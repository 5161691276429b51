/**
 * `npm run test:faults -- [--minutes N] [--seed N] [--only NAME]`: the scenarios of this folder in their long form, again and again with
 * fresh seeds until the time is over; then a table. Exit status 1 where anything was violated.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Line } from './support/fault.ts';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const ROOT = join(FOLDER, '../..');
const { values } = parseArgs({
  options: { minutes: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string' } },
});
const minutes = wholeNumber('minutes', values.minutes ?? '10', 1, 10_000);
const first = wholeNumber('seed', values.seed ?? String(Math.floor(Math.random() * 2 ** 31)), 0, 2 ** 32 - 1);
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.test.ts') && name !== 'checker.test.ts');
const folder = mkdtempSync(join(tmpdir(), 'zoneferry-faults-'));
const report = join(folder, 'lines');
writeFileSync(report, '');
const end = performance.now() + minutes * 60_000;

console.log(`seed ${first}; ${minutes} min; again with: npm run test:faults -- --seed ${first}`);
let failed = false;
rounds: for (let round = 0; ; round++) {
  const before = linesOf().length;
  for (const file of files) {
    if (performance.now() > end && round > 0) break rounds;
    failed = !(await runFile(file, (first + round) >>> 0)) || failed;
  }
  if (linesOf().length === before) {
    console.error(`error: no scenario is called "${values.only}"`);
    failed = true;
    break;
  }
  if (performance.now() > end) break;
}
printTable(linesOf());
rmSync(folder, { recursive: true, force: true });
process.exitCode = failed ? 1 : 0;

function runFile(file: string, seed: number): Promise<boolean> {
  const only = values.only === undefined ? [] : ['-t', values.only.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')];
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const child = spawn(process.execPath, [vitest, 'run', join(FOLDER, file), '--passWithNoTests', ...only], {
    cwd: ROOT,
    env: { ...process.env, FAULTS_LONG: 'on', FAULTS_SEED: String(seed), FAULTS_REPORT: report },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  child.stderr.on('data', (chunk) => (said += chunk));
  return new Promise((resolve) => {
    child.once('close', (status) => {
      console.log(`${new Date().toISOString()} ${file} seed ${seed}: ${status === 0 ? 'held' : 'VIOLATED'}`);
      if (status !== 0) console.log(said);
      resolve(status === 0);
    });
  });
}

function linesOf(): Line[] {
  return readFileSync(report, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

/** One row a fault: how often it came in all, what the last run of it looked at, and whether every run held. */
function printTable(lines: Line[]): void {
  console.log(
    '| fault | runs | times injected | checked (last run) | result |\n| --- | --- | --- | --- | --- |',
  );
  for (const [fault, runs] of Map.groupBy(lines, ({ fault }) => fault)) {
    const injected = runs.reduce((sum, run) => sum + run.injected, 0);
    const broken = runs.filter(({ result }) => result !== 'held');
    const result =
      broken.length === 0 ? 'held' : `violated in ${broken.length}: ${broken[0]?.result.split('\n')[0]}`;
    const checked = runs.findLast(({ checked }) => checked !== '')?.checked ?? '';
    console.log(`| ${fault} | ${runs.length} | ${injected} | ${checked} | ${result} |`);
  }
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  console.error(`error: --${name}: got "${text}", takes a whole number from ${least} to ${most}`);
  process.exit(2);
}
