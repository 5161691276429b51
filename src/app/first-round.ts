import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { askOfNextZones, endSerialQuestions, waitingForSerials } from '../store/ledger/questions.ts';
import type { Pool } from '../store/pool.ts';

const TURN = 200; // ms
const LONGEST = 3_000; // ms that a turn waits for its answers
const LOOK_EVERY = 50; // ms
const TRY_AGAIN = 5_000; // ms
/** One process asks at a time; others that start meanwhile need not. */
const LOCK = `hashtextextended('zoneferry first round', 0)`;

/**
 * After a start has the secondaries asked for their serials of all zones, once, so many zones a second: a database that was restored from a back-up is behind
 * them, and most would never say so by themselves. Who is ahead is passed as ever.
 *
 * @returns how to end it early
 */
export function startFirstRound(options: {
  pool: Pool;
  log: Log;
  /** Zones a second. */
  rate: number;
  now: () => number;
}): () => Promise<void> {
  const stop = new AbortController();
  const running = rounds(options, stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  return async () => {
    stop.abort();
    await running;
  };
}

type Options = Parameters<typeof startFirstRound>[0];

async function rounds(options: Options, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      return await round(options, signal);
    } catch (error) {
      if (signal.aborted) return;
      options.log.debug(
        { error: messageOf(error) },
        'the secondaries could not be asked for all serials; tried again in 5 s',
      );
      await pause(TRY_AGAIN, undefined, { signal });
    }
  }
}

async function round({ pool, log, rate, now }: Options, signal: AbortSignal): Promise<void> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    const { rows } = await client.query<{ ours: boolean }>(`select pg_try_advisory_lock(${LOCK}) as ours`);
    if (rows[0]?.ours !== true) return;
    const since = new Date(now());
    const begun = performance.now();
    const atOnce = Math.max(1, Math.floor((rate * TURN) / 1_000));
    let zones = 0;
    for (let after = '0'; !signal.aborted; ) {
      const turn = performance.now();
      const { asked, last, count } = await askOfNextZones(pool, after, atOnce, since);
      if (last === undefined) break;
      after = last;
      zones += count;
      await answered(pool, asked, signal);
      await pause(Math.max(0, TURN - (performance.now() - turn)), undefined, { signal });
    }
    await client.query(`select pg_advisory_unlock(${LOCK})`);
    log.info(
      { zones, ms: Math.round(performance.now() - begun) },
      `secondaries were asked for their serials of ${zones} zones`,
    );
  } catch (error) {
    broken = error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    // a session that may still hold the lock goes
    client.release(broken);
  }
}

async function answered(pool: Pool, zoneIds: readonly string[], signal: AbortSignal): Promise<void> {
  if (zoneIds.length === 0) return;
  for (const begun = performance.now(); performance.now() - begun < LONGEST; ) {
    if (!(await waitingForSerials(pool, zoneIds)).waiting) return;
    await pause(LOOK_EVERY, undefined, { signal });
  }
  await endSerialQuestions(pool, zoneIds);
}
