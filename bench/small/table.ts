import { cpus } from 'node:os';

/** One server's runs; `undefined` where a run could not be counted. */
export interface Runs {
  name: string;
  rates: number[];
  /** Microseconds of the server's CPU for each answer. */
  cpu: number[];
}

/** Prints medians with minimum and maximum, and how they stand to each of the others. */
export function printRates(title: string, unit: string, all: readonly Runs[]): void {
  const ours = all.filter(({ name }) => name.startsWith('Zoneferry'));
  console.log(`\n### ${title}\n`);
  console.log(
    `| server | ${unit} | server CPU each, µs | ${ours.map(({ name }) => `${name} to it`).join(' | ')} |`,
  );
  console.log(`| --- | --- | --- | ${ours.map(() => '---').join(' | ')} |`);
  for (const { name, rates, cpu } of all) {
    const ratios = ours.map((one) => (median(one.rates) / median(rates)).toFixed(2));
    console.log(
      `| ${name} | ${round(median(rates))} (${round(Math.min(...rates))}-${round(Math.max(...rates))}) | ${median(cpu).toFixed(1)} (${Math.min(...cpu).toFixed(1)}-${Math.max(...cpu).toFixed(1)}) | ${ratios.join(' | ')} |`,
    );
  }
}

export function printMachine(): void {
  console.log(
    `Node ${process.version}, ${cpus().length} cores, ${cpus()[0]?.model.trim() ?? 'unknown'}, loopback`,
  );
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

const round = (value: number) => Math.round(value).toLocaleString('en');
