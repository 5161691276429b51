import { setTimeout as sleep } from 'node:timers/promises';
import { readStanding } from '../store/ledger/states.ts';
import type { Pool } from '../store/pool.ts';
import type { Convergence } from '../zone/convergence.ts';

/** Milliseconds between two looks into the ledger. */
const LOOK_EVERY = 100;
const NAMED = 20; // of those that do not serve it, at most

/** Who does not serve what is published; none: all do. */
export interface NotServed {
  total: number;
  /** The first of them, those in trouble before those under way. */
  rows: Convergence[];
}

export interface UntilServed {
  withinMs: number;
  /** Ends the waiting; what is known then is given. */
  signal?: AbortSignal;
  /** Told how many do not serve it yet, at every look. */
  onLook?(total: number): void;
}

/** Waits until every secondary that has to serves these zones, or all zones, or until the time is over. */
export async function untilServed(
  pool: Pool,
  zoneIds: readonly string[] | undefined,
  { withinMs, signal, onLook }: UntilServed,
): Promise<NotServed> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const open = await readStanding(pool, {
      open: true,
      limit: NAMED,
      ...(zoneIds === undefined ? {} : { zoneIds }),
    });
    onLook?.(open.total);
    if (open.total === 0 || performance.now() >= deadline || signal?.aborted) return open;
    await sleep(LOOK_EVERY, undefined, signal ? { signal } : {}).catch(() => {});
  }
}
