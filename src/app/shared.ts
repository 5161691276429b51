import type { Config } from '../config.ts';
import type { Metrics } from '../http/metrics.ts';
import type { Log } from '../log.ts';
import type { Hints } from '../store/hints.ts';
import type { Pool } from '../store/pool.ts';
import type { Secrets } from '../store/secrets.ts';
import type { Queues } from '../sync/queues.ts';
import type { Tracing } from '../trace.ts';

/** What every room of one process shares. */
export interface Shared {
  config: Config;
  databaseUrl: string;
  pool: Pool;
  secrets: Secrets;
  hints: Hints;
  queues: Queues;
  log: Log;
  /** What the rooms of this process count. */
  metrics: Metrics;
  /** Unset: nothing is traced. */
  tracing?: Tracing;
  /** Called last first when the service stops. */
  onStop(stop: () => unknown): void;
  /** Adds a reason for not being ready; it holds while the function returns one. */
  onReady(reason: () => string | undefined): void;
}
