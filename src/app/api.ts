import { systemClock } from '../clock.ts';
import { formatEndpoint } from '../endpoint.ts';
import { messageOf } from '../errors.ts';
import { HttpServer } from '../http/server.ts';
import { planResync } from '../sync/plan.ts';
import { VERSION } from '../version.ts';
import { guardsOf, policyOf } from './policy.ts';
import { openResolver } from './resolver.ts';
import type { Shared } from './shared.ts';

/**
 * The role `api`: HTTP.
 *
 * @param reasons why other rooms of this process can't do their work just now
 */
export async function startApi(
  shared: Shared,
  reasons: readonly (() => string | undefined)[],
): Promise<void> {
  const { config, hints, pool, secrets, queues, log, metrics, tracing, onStop } = shared;
  const clock = systemClock;
  // of plans alone: the worker has its own
  const resolver = await openResolver(config, clock);
  onStop(() => resolver.close());
  const server = await HttpServer.start({
    listen: config.httpListen,
    ...(config.httpTls ? { tls: config.httpTls } : {}),
    ...(config.apiToken === undefined ? {} : { token: config.apiToken }),
    rate: config.apiRate,
    connections: config.httpConnections,
    perZone: config.metricsPerZone,
    version: VERSION,
    pool,
    hints,
    secrets,
    queues,
    clock,
    log,
    metrics,
    ...(tracing ? { tracing } : {}),
    plan: (options) =>
      planResync(options, { pool, resolver, policy: policyOf(config), guards: guardsOf(config), clock }),
    reasons: async () => {
      const database = pool.query('select 1').then(
        () => undefined,
        (error) => `PostgreSQL: ${messageOf(error)}`,
      );
      const queue = queues.ping().then(
        () => undefined,
        (error) => `queue: ${messageOf(error)}`,
      );
      return [...(await Promise.all([database, queue])), ...reasons.map((reason) => reason())].flatMap(
        (reason) => reason ?? [],
      );
    },
  });
  onStop(() => server.stop());
  log.info(
    { port: server.port() },
    `HTTP${config.httpTls ? 'S' : ''} on ${formatEndpoint({ ...config.httpListen, port: server.port() })}`,
  );
}
