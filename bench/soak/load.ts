import type pg from 'pg';
import type { Upstream } from '../../test/support/upstream.ts';
import { type Laid, moveTarget } from './zones.ts';

/** What was offered and what became of it, from the start on. */
export interface Load {
  /** Edits that were due by the clock. */
  offered: number;
  /** Edits whose transaction was committed. */
  committed: number;
  /** Due, but not begun, as too many were under way. */
  passedBy: number;
  failed: number;
  /** The last failure in words. */
  lastError: string;
  /** Targets that were moved. */
  moved: number;
  stop(): Promise<void>;
}

export interface LoadOptions {
  pool: pg.Pool;
  laid: Laid;
  upstream: Upstream;
  /** Edits a second, each a transaction of its own. */
  rate: number;
  /** Edits under way at once, at most. */
  atOnce: number;
  /** Targets a second that move. */
  moves: number;
}

const TICK = 10; // ms
const BEHIND = 500; // ms of edits that may be behind before they are passed by

/** Edits random records by plain SQL and moves random targets, evenly by the clock, until it is stopped. */
export function startLoad({ pool, laid, upstream, rate, atOnce, moves }: LoadOptions): Load {
  const begun = performance.now();
  const underWay = new Set<Promise<void>>();
  const timer = setInterval(tick, TICK);
  let turn = laid.targets.length;
  const load: Load = {
    offered: 0,
    committed: 0,
    passedBy: 0,
    failed: 0,
    lastError: '',
    moved: 0,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };

  function tick(): void {
    const seconds = (performance.now() - begun) / 1_000;
    load.offered = Math.floor(seconds * rate);
    let due = load.offered - load.committed - load.failed - load.passedBy - underWay.size;
    for (; due > 0 && underWay.size < atOnce; due--) begin();
    const tooMany = due - Math.floor((rate * BEHIND) / 1_000);
    if (tooMany > 0) load.passedBy += tooMany;
    for (; load.moved < seconds * moves; load.moved++)
      moveTarget(upstream, laid.targets[Math.floor(Math.random() * laid.targets.length)] ?? '', turn++);
  }

  function begin(): void {
    const id = laid.edited[Math.floor(Math.random() * laid.edited.length)];
    const done = edit(pool, id ?? '')
      .then(
        () => {
          load.committed++;
        },
        (error: Error) => {
          load.failed++;
          load.lastError = error.message;
        },
      )
      .then(() => {
        underWay.delete(done);
      });
    underWay.add(done);
  }
  return load;
}

async function edit(pool: pg.Pool, id: string): Promise<void> {
  const octet = () => Math.floor(Math.random() * 256);
  await pool.query({
    name: 'edit',
    text: 'update records set content = $2 where id = $1::bigint',
    values: [id, `10.${octet()}.${octet()}.${octet()}`],
  });
}
