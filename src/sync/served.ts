import type { Clock } from '../clock.ts';
import type { Pool } from '../store/pool.ts';
import { inWords } from '../zone/convergence.ts';
import type { ResyncData, ResyncProgress, Served } from './queue/job.ts';
import { untilServed } from './until-served.ts';

/** Jobs of this process that wait for secondaries at once: the rest of its places is for looks. */
const MOST_WAITING = 8;
const WITHIN = 60; // seconds
let waiting = 0;

/**
 * The last step of a job with `converged`: waits until every secondary that has to serves its zones, or until its time is over, and says which do not.
 * Where too many wait already it says at once how they stand.
 */
export async function awaitServed(
  pool: Pool,
  zoneIds: readonly string[] | undefined,
  job: { data: ResyncData; signal: AbortSignal; progress(progress: ResyncProgress): Promise<void> },
  clock: Clock,
): Promise<Served> {
  const mayWait = waiting < MOST_WAITING;
  waiting++;
  let most = 0;
  let told = -1;
  try {
    const { total, rows } = await untilServed(pool, zoneIds, {
      withinMs: mayWait ? (job.data.within ?? WITHIN) * 1_000 : 0,
      signal: job.signal,
      onLook: (open) => {
        if (open === told) return;
        told = open;
        most = Math.max(most, open);
        job.progress({ phase: 'converge', done: most - open, total: most }).catch(() => {});
      },
    });
    const now = clock.now();
    return {
      converged: total === 0,
      notConverged: total,
      missing: rows.map((row) => ({
        secondary: row.secondary,
        zone: row.zone,
        serial: row.serial,
        state: row.state,
        words: inWords(row, now),
      })),
    };
  } finally {
    waiting--;
  }
}
