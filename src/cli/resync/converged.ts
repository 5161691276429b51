import { type NotServed, untilServed } from '../../sync/until-served.ts';
import { inWords } from '../../zone/convergence.ts';
import type { Session } from '../database.ts';
import { onInterrupt } from '../interrupt.ts';

/** Waits until every secondary that has to serves these zones, or all zones, until the time is over, or until Ctrl-C. */
export async function waitConverged(
  { pool }: Session,
  zoneIds: readonly string[] | undefined,
  seconds: number,
): Promise<NotServed> {
  const interrupted = onInterrupt();
  const stop = new AbortController();
  void interrupted.wake.then(() => stop.abort());
  try {
    return await untilServed(pool, zoneIds, { withinMs: seconds * 1_000, signal: stop.signal });
  } finally {
    interrupted.off();
  }
}

/** One line each: which secondary does not serve which zone, and why. */
export function reasons({ rows, total }: NotServed): string[] {
  const now = Date.now();
  const lines = rows.map(
    (row) => `${row.secondary} ${row.zone} ${row.serial}: ${row.state}: ${inWords(row, now)}`,
  );
  return total > rows.length ? [...lines, `… and ${total - rows.length} more`] : lines;
}
