import { setTimeout as pause } from 'node:timers/promises';
import { Presence } from './app/presence.ts';
import { startReplica } from './app/replica.ts';
import { SchemaWatch } from './app/schema-watch.ts';
import { keepSealed } from './app/secrets.ts';
import type { Shared } from './app/shared.ts';
import { openTracing } from './app/tracing.ts';
import { startTransfer } from './app/transfer.ts';
import { tellParent } from './app/transfer-processes/tell.ts';
import { startTransferProcesses } from './app/transfer-processes.ts';
import { startWorker } from './app/worker.ts';
import { systemClock } from './clock.ts';
import type { Config } from './config.ts';
import { startEmbedded } from './embedded/index.ts';
import { messageOf, UserError } from './errors.ts';
import { Metrics } from './http/metrics.ts';
import { hideCredentials, type Log } from './log.ts';
import { Hints } from './store/hints.ts';
import { migrate } from './store/migrate.ts';
import { createPool, type Pool } from './store/pool.ts';
import { queuePlace } from './store/processes.ts';
import { Secrets } from './store/secrets.ts';
import { isStandby } from './store/standby/check.ts';
import { openQueues } from './sync/queues.ts';
import { startSchedule } from './sync/schedule.ts';

export { SHARES_PORTS } from './app/transfer-processes.ts';

export type Role = 'transfer' | 'worker' | 'scheduler' | 'api';
export const ROLES: readonly Role[] = ['transfer', 'worker', 'scheduler', 'api'];

export interface ServiceOptions {
  roles: readonly Role[];
  log: Log;
  /** How many processes the role `transfer` has; default: this one. */
  processes?: number;
  /** This is one of those, and shares its ports with the others. */
  sharesPorts?: boolean;
  /** Ends the start while it waits for PostgreSQL or Redis. */
  signal?: AbortSignal;
  /** Called where the database went ahead of this process by a step that stands alone: it has to end. Default: the service stops. */
  onOutdated?: (reason: UserError) => void;
}

export interface Service {
  /** Stops every room in the reverse of the order in which they started. Safe to call again. */
  stop(): Promise<void>;
}

/**
 * Builds the rooms of the roles asked for and starts them. PostgreSQL or Redis away is waited for and said.
 *
 * @throws UserError for what waiting can't mend: a taken port, a folder of somebody else's
 */
export async function startService(config: Config, options: ServiceOptions): Promise<Service> {
  const { log } = options;
  const stops: (() => unknown)[] = [];
  const reasons: (() => string | undefined)[] = [];
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= (async () => {
      for (const end of stops.splice(0).reverse()) {
        await Promise.resolve(end()).catch((error: unknown) =>
          log.warn({ error: messageOf(error) }, 'a room did not stop cleanly'),
        );
      }
    })();
    return stopping;
  };

  try {
    const traces = await openTracing(config.tracing, log);
    if (traces) stops.push(() => traces.stop());
    const databaseUrl = config.databaseUrl ?? (await joinEmbedded(config, stops));
    const pool = createPool(databaseUrl, {
      max: 12,
      onError: (error) => log.warn({ error: messageOf(error) }, 'a connection to PostgreSQL was lost'),
    });
    stops.push(() => pool.end());
    const secrets = new Secrets(config.secretKeys);
    const few = {
      config,
      databaseUrl,
      pool,
      secrets,
      log,
      metrics: new Metrics(),
      ...(traces ? { tracing: traces.tracing } : {}),
      onStop: (end: () => unknown) => stops.push(end),
      onReady: (reason: () => string | undefined) => reasons.push(reason),
    };
    const watch = new SchemaWatch(
      pool,
      log,
      options.onOutdated ??
        ((reason) => {
          log.error({}, reason.message);
          void stop();
        }),
    );
    const presence = new Presence(pool, queuePlace(config.redisUrl), watch, log);
    stops.push(() => presence.leave());
    if ((await prepareDatabase(pool, log, presence, options)) === 'replica') {
      stops.push(watch.start());
      if ((options.processes ?? 1) > 1) await startTransferProcesses(few, options.processes ?? 1);
      else await startReplica({ ...few, signal: options.signal }, options.sharesPorts);
      if (options.sharesPorts === true) stops.push(tellParent(few.metrics, reasons));
      return { stop };
    }
    const hints = new Hints(databaseUrl, (error) =>
      log.warn({ error: messageOf(error) }, 'hints from PostgreSQL were lost; polling goes on'),
    );
    stops.push(() => hints.stop());
    stops.push(await keepSealed({ pool, hints, secrets, log }));
    const queues = await openQueues({
      databaseUrl,
      ...(config.redisUrl ? { redisUrl: config.redisUrl } : {}),
      clock: systemClock,
      log,
      ...(traces ? { telemetry: traces.telemetry } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    stops.push(() => queues.close());
    log.info(
      { database: hideCredentials(databaseUrl), queue: queues.kind, roles: options.roles },
      `PostgreSQL ${config.databaseUrl ? 'of DATABASE_URL' : 'embedded in .zoneferry/'}, queue on ${queues.kind === 'redis' ? 'Redis of REDIS_URL' : 'the same PostgreSQL'}`,
    );

    const shared: Shared = { ...few, hints, queues };
    if (options.roles.includes('worker')) await startWorker(shared);
    if (options.roles.includes('transfer')) {
      if ((options.processes ?? 1) > 1) await startTransferProcesses(shared, options.processes ?? 1);
      else await startTransfer(shared, options.sharesPorts);
      if (options.sharesPorts === true) stops.push(tellParent(shared.metrics, reasons));
    }
    if (options.roles.includes('scheduler')) {
      const schedule = await startSchedule(config.resyncCron, queues, {
        clock: systemClock,
        log,
        tracing: traces?.tracing,
      });
      stops.push(() => schedule.stop());
    }
    if (options.roles.includes('api')) {
      // loaded only where it is asked for: it is much the largest part
      const { startApi } = await import('./app/api.ts');
      await startApi(shared, reasons);
    }
    await presence.has(options.roles);
    stops.push(() => presence.has([]).catch(() => {}));
    hints.start();
    return { stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function joinEmbedded(config: Config, stops: (() => unknown)[]): Promise<string> {
  const embedded = await startEmbedded(config.directory);
  stops.push(() => embedded.leave());
  return embedded.url;
}

/**
 * Waits for PostgreSQL as long as it takes, and brings its schema up to date where it can be written to; what it says about rights or
 * versions ends the start.
 */
async function prepareDatabase(
  pool: Pool,
  log: Log,
  presence: Presence,
  { roles, signal }: ServiceOptions,
): Promise<'primary' | 'replica'> {
  for (let wait = 250; ; wait = Math.min(wait * 2, 5_000)) {
    try {
      if (roles.every((role) => role === 'transfer') && (await isStandby(pool))) return 'replica';
      const applied = await migrate(pool, { joining: (client) => presence.join(client) });
      if (applied.length > 0) log.info({ applied }, `database migrated: ${applied.join(', ')}`);
      return 'primary';
    } catch (error) {
      if (!isAway(error))
        throw error instanceof UserError
          ? error
          : new UserError(`DATABASE_URL: PostgreSQL says: ${messageOf(error)}`);
      log.warn({ error: messageOf(error) }, `PostgreSQL does not answer; trying again in ${wait} ms`);
      await pause(wait, undefined, signal ? { signal } : {});
    }
  }
}

/** Connection refused, reset or timed out, a server that starts, stops or is full. */
function isAway(error: unknown): boolean {
  const code = String((error as { code?: string }).code ?? '');
  return /^(08...|57P0.|53300|E[A-Z_]+)$/.test(code) || /timeout|terminated/i.test(messageOf(error));
}
