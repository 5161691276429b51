import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { dropPassedSerials } from '../store/ahead.ts';
import { tidyGuards } from '../store/guards/rows.ts';
import { tidyReadings } from '../store/in-zone/entering.ts';
import { LeaseWatch } from '../store/lease/watch.ts';
import { type LedgerLimits, pruneLedger } from '../store/ledger/prune.ts';
import {
  dropOrphans,
  dropServedChanges,
  type JournalLimits,
  pruneJournal,
  pruneSourceHistory,
  pruneTombstones,
} from '../store/maintenance.ts';
import { dropEmptyPacks } from '../store/packs.ts';
import type { Pool } from '../store/pool.ts';
import { forgetProcesses } from '../store/processes.ts';
import { pruneRefusals } from '../store/refusals.ts';
import { tidyTargets } from '../store/targets.ts';
import { hastenFarWaits } from '../store/waits.ts';
import type { GuardPolicy } from '../zone/guard.ts';

/** Milliseconds between two runs: so many times what the last one took, so that it is a small part of the work, within these. */
const SHARE = 20;
const SHORTEST = 60 * 1000;
const LONGEST = 10 * 60 * 1000;

/** Milliseconds between looks at all that is kept of `records`, for what went with no version. */
const WHOLE_EVERY = 60 * 60 * 1000;

/** What is kept, at most. */
export interface Retention {
  /** Of each zone, for IXFR and rollback. */
  journal: JournalLimits;
  ledger: LedgerLimits;
  /** Days for which the serial of a deleted zone is remembered. */
  tombstoneDays: number;
}
/** Milliseconds by which versions may be older than they seem: of transactions that ran long, or by a clock that was set. */
const MARGIN = 10 * 60 * 1000;

/**
 * Keeps every table bounded, now and every one to ten minutes. Returns how to stop it. The first run looks at all zones, as limits may be others than
 * before; the next ones at those that changed.
 *
 * @param now the time in milliseconds, of the database's clock or near it
 */
export function startMaintenance(
  pool: Pool,
  retention: Retention,
  guards: GuardPolicy,
  log: Log,
  now: () => number,
): () => Promise<void> {
  let running: Promise<void> | undefined;
  let prunedAt: number | undefined;
  let wholeAt = Number.NEGATIVE_INFINITY;
  const leases = new LeaseWatch();
  const run = async () => {
    try {
      const begun = now();
      const pruned = await pruneJournal(
        pool,
        retention.journal,
        prunedAt === undefined ? undefined : new Date(prunedAt - MARGIN),
      );
      if (pruned > 0) log.info({ pruned }, 'old versions left the journal');
      if (begun - wholeAt >= WHOLE_EVERY || begun < wholeAt) {
        await pruneSourceHistory(pool);
        wholeAt = begun;
      }
      prunedAt = begun;
      await hastenFarWaits(pool);
      await tidyTargets(pool);
      await dropEmptyPacks(pool);
      await tidyReadings(pool);
      await tidyGuards(pool, guards);
      await dropOrphans(pool);
      await dropServedChanges(pool, leases);
      await dropPassedSerials(pool);
      await pruneLedger(pool, retention.ledger);
      await pruneTombstones(pool, retention.tombstoneDays);
      await pruneRefusals(pool);
      await forgetProcesses(pool);
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'maintenance failed; it is tried again within ten minutes');
    }
  };
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const start = () => {
    const begun = performance.now();
    running = run().finally(() => {
      const pause = Math.min(LONGEST, Math.max(SHORTEST, SHARE * (performance.now() - begun)));
      if (!stopped) timer = setTimeout(start, pause).unref();
    });
  };
  start();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await running;
  };
}
