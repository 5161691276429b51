import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { dropPassedSerials } from '../store/ahead.ts';
import { tidyGuards } from '../store/guards/rows.ts';
import { tidyReadings } from '../store/in-zone/entering.ts';
import { pruneLedger } from '../store/ledger/states.ts';
import { dropOrphans, type JournalLimits, pruneJournal, pruneSourceHistory } from '../store/maintenance.ts';
import { dropEmptyPacks } from '../store/packs.ts';
import type { Pool } from '../store/pool.ts';
import { pruneRefusals } from '../store/refusals.ts';
import { tidyTargets } from '../store/targets.ts';
import type { GuardPolicy } from '../zone/guard.ts';

const EVERY = 10 * 60 * 1000; // ms
/** Milliseconds by which versions may be older than they seem: of transactions that ran long, or by a clock that was set. */
const MARGIN = 10 * 60 * 1000;

/**
 * Keeps every table bounded, now and every ten minutes. Returns how to stop it. The first run looks at all zones, as limits may be others than
 * before; the next ones at those that changed.
 *
 * @param now the time in milliseconds, of the database's clock or near it
 */
export function startMaintenance(
  pool: Pool,
  journal: JournalLimits,
  guards: GuardPolicy,
  log: Log,
  now: () => number,
): () => Promise<void> {
  let running: Promise<void> | undefined;
  let prunedAt: number | undefined;
  const run = async () => {
    try {
      const begun = now();
      const pruned = await pruneJournal(
        pool,
        journal,
        prunedAt === undefined ? undefined : new Date(prunedAt - MARGIN),
      );
      if (pruned > 0) log.info({ pruned }, 'old versions left the journal');
      if (prunedAt === undefined) await pruneSourceHistory(pool);
      prunedAt = begun;
      await tidyTargets(pool);
      await dropEmptyPacks(pool);
      await tidyReadings(pool);
      await tidyGuards(pool, guards);
      await dropOrphans(pool);
      await dropPassedSerials(pool);
      await pruneLedger(pool);
      await pruneRefusals(pool);
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'maintenance failed; it is tried again in ten minutes');
    }
  };
  const start = () => {
    running ??= run().finally(() => {
      running = undefined;
    });
  };
  const timer = setInterval(start, EVERY).unref();
  start();
  return async () => {
    clearInterval(timer);
    await running;
  };
}
