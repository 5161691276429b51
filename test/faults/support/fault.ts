import { appendFileSync } from 'node:fs';
import { test } from 'vitest';
import { messageOf } from '../../../src/errors.ts';
import { Random } from './random.ts';

/** How much of a fault one run has: the short form of every test run, or the long one of `npm run test:faults`. */
export const LONG = process.env.FAULTS_LONG === 'on';

/** The seed of this run: as given, or a new one. */
export const SEED = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 2 ** 32));

/** What one scenario did: how often the fault came, and what was looked at. */
export interface Done {
  injected: number;
  checked: string;
}

/** The line about a scenario that a long run puts into its table. */
export interface Line extends Done {
  fault: string;
  /** `held`, or what was violated. */
  result: string;
}

/** Milliseconds for one scenario, with its settling. A busy machine is given time. */
const DEADLINE_MS = LONG ? 30 * 60_000 : 240_000;

/** A scenario as a test of its own: its seed is in what a failure says. Where many others run beside it, it may be tried twice. */
export function fault(name: string, run: (random: Random) => Promise<Done>): void {
  test(name, { timeout: DEADLINE_MS, retry: LONG || !process.env.CI ? 0 : 1 }, async () => {
    let line: Line = { fault: name, injected: 0, checked: '', result: 'held' };
    try {
      line = { ...line, ...(await run(new Random(SEED))) };
    } catch (error) {
      line.result = messageOf(error);
      throw new Error(`seed ${SEED}: ${messageOf(error)}`, { cause: error });
    } finally {
      const report = process.env.FAULTS_REPORT;
      if (report) appendFileSync(report, `${JSON.stringify(line)}\n`);
    }
  });
}
