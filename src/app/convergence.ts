import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { InTransfer } from '../notify/in-transfer.ts';
import type { DueNotification } from '../notify/outbox.ts';
import { Sockets } from '../notify/sockets.ts';
import { Verifier } from '../notify/verifier/index.ts';
import { Questions } from '../notify/verifier/questions.ts';
import { isWhole, type Served, TakenLog } from '../notify/verifier/taken-log.ts';
import { VisibleLog } from '../notify/verifier/visible-log.ts';
import type { Hints } from '../store/hints.ts';
import { readChanged, readPublished } from '../store/ledger/content.ts';
import { Ledger } from '../store/ledger/ledger.ts';
import { endSerialQuestions, takeSerialQuestions } from '../store/ledger/questions.ts';
import { addVisible } from '../store/ledger/visible.ts';
import type { Pool } from '../store/pool.ts';
import type { Tracing } from '../trace.ts';
import type { AheadWatch } from './ahead.ts';
import { startFirstRound } from './first-round.ts';
import { traceVisible } from './spans.ts';

export interface ConvergenceParts {
  config: Pick<Config, 'notifyFrom' | 'notifyRate'>;
  pool: Pool;
  hints: Hints;
  clock: Clock;
  log: Log;
  ahead: AheadWatch;
  tracing?: Tracing | undefined;
  onStop(end: () => unknown): void;
}

/** What the sender of NOTIFY and the transfer server tell the ledger. */
export interface Convergence {
  inTransfer: InTransfer;
  /** A secondary has answered the NOTIFY of a serial. */
  answered(row: DueNotification): void;
  /** A zone has a newer version. */
  published(zoneId: string): void;
  /** Another PostgreSQL took over: all secondaries are asked for their serials, as after a start. */
  tookOver(): void;
  /** An answer went out to a secondary. */
  served(event: Served): void;
}

/** Sees that secondaries serve what is published, and keeps the ledger of it. */
export function startConvergence(parts: ConvergenceParts): Convergence {
  const { config, pool, hints, clock, log, ahead, tracing, onStop } = parts;
  const ledger = new Ledger(pool, hints);
  const takenLog = new TakenLog((rows) => ledger.taken(rows), log);
  onStop(() => takenLog.stop());
  const visible = new VisibleLog({ write: (rows) => addVisible(pool, rows), clock, log });
  onStop(() => visible.stop());
  const sockets = new Sockets(config.notifyFrom, 4);
  onStop(() => sockets.close());
  const inTransfer = new InTransfer(clock);
  const verifier = new Verifier({
    ledger,
    content: {
      changed: (zoneIds) => readChanged(pool, zoneIds),
      published: (names) => readPublished(pool, names),
    },
    sockets,
    clock,
    log,
    rate: 2 * config.notifyRate,
    inTransfer,
    onAhead: (shown) => ahead.shown(shown),
    onVisible: (awaited, ms) => {
      visible.add(awaited.secondaryId, ms);
      if (tracing) traceVisible(tracing, awaited, ms);
    },
  });
  verifier.start();
  onStop(() => verifier.stop());
  const questions = new Questions({
    take: (limit) => takeSerialQuestions(pool, limit),
    end: (zoneIds) => endSerialQuestions(pool, zoneIds),
    onHint: (callback) => hints.on('questions', callback),
    noteAhead: (shown) => ahead.noteNow(shown),
    sockets,
    clock,
    log,
  });
  questions.start();
  onStop(() => questions.stop());
  const startRound = () => startFirstRound({ pool, log, rate: config.notifyRate, now: () => clock.now() });
  let endRound = Promise.resolve(startRound());
  onStop(async () => (await endRound)());
  return {
    inTransfer,
    answered: (row) => verifier.answered(row),
    tookOver: () => {
      // one after the other, as one process asks at a time
      endRound = endRound.then((end) => end()).then(startRound);
    },
    published: (zoneId) => takenLog.published(zoneId),
    served: (event) => {
      takenLog.add(event);
      if (!event.complete || !isWhole(event.given)) return;
      verifier.taken(event);
      verifier.works(event.secondaryId);
    },
  };
}
