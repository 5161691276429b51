import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Hints } from '../store/hints.ts';
import type { Pool } from '../store/pool.ts';
import type { Secrets } from '../store/secrets.ts';
import type { PlanOptions, ResyncPlan } from '../sync/plan.ts';
import type { Queues } from '../sync/queues.ts';
import type { Tracing } from '../trace.ts';
import type { Metrics } from './metrics.ts';

/** What the routes work with. */
export interface Rooms {
  pool: Pool;
  hints: Hints;
  secrets: Secrets;
  queues: Queues;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  /** Unset: nothing is traced. */
  tracing?: Tracing;
  /** What a resync of these zones, or of all, would change. */
  plan(options: PlanOptions): Promise<ResyncPlan>;
}
