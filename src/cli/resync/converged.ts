import { setTimeout as sleep } from 'node:timers/promises';
import { readStanding } from '../../store/ledger/states.ts';
import { type Convergence, inWords } from '../../zone/convergence.ts';
import type { Session } from '../database.ts';
import { onInterrupt } from '../interrupt.ts';

const LOOK_EVERY_MS = 100;
const NAMED = 20; // rows said at most

/** Who does not serve what is published, after the time given; none: all do. */
export interface NotConverged {
  total: number;
  rows: Convergence[];
}

/** Waits until every secondary that has to serves these zones, or all zones, or until the time is over. */
export async function waitConverged(
  { pool }: Session,
  zoneIds: readonly string[] | undefined,
  seconds: number,
): Promise<NotConverged> {
  const interrupted = onInterrupt();
  const deadline = performance.now() + seconds * 1_000;
  try {
    for (;;) {
      const open = await readStanding(pool, {
        open: true,
        limit: NAMED,
        ...(zoneIds === undefined ? {} : { zoneIds }),
      });
      if (open.total === 0 || performance.now() >= deadline || interrupted.yes) return open;
      await Promise.race([sleep(LOOK_EVERY_MS), interrupted.wake]);
    }
  } finally {
    interrupted.off();
  }
}

/** One line each: which secondary does not serve which zone, and why. */
export function reasons({ rows, total }: NotConverged): string[] {
  const now = Date.now();
  const lines = rows.map(
    (row) => `${row.secondary} ${row.zone} ${row.serial}: ${row.state}: ${inWords(row, now)}`,
  );
  return total > rows.length ? [...lines, `… and ${total - rows.length} more`] : lines;
}
