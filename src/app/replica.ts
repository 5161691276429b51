import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../clock.ts';
import { formatEndpoint } from '../endpoint.ts';
import { messageOf, UserError } from '../errors.ts';
import { createPool } from '../store/pool.ts';
import { Registry } from '../store/registry.ts';
import { checkStandby } from '../store/standby/check.ts';
import { StandbySource } from '../store/standby/source.ts';
import { missingSteps } from '../store/steps.ts';
import { createTransferServer } from '../transfer/server.ts';
import type { Shared } from './shared.ts';

/** What there is of the shared things where nothing can be written. */
export type ReplicaShared = Pick<
  Shared,
  'config' | 'databaseUrl' | 'pool' | 'secrets' | 'log' | 'metrics' | 'onStop' | 'onReady'
> & {
  /** Ends the start while it waits. */
  signal?: AbortSignal | undefined;
};

/**
 * The role `transfer` on a read replica: SOA, AXFR and IXFR. NOTIFY, and all else that writes, is done by processes on the primary.
 *
 * @throws UserError where an answer from there could be older than a serial already notified, or the schema is not ours
 */
export async function startReplica(shared: ReplicaShared, sharesPorts = false): Promise<void> {
  const { config, databaseUrl, secrets, log, metrics, onStop, onReady } = shared;
  await refuseUnfit(shared);
  const clock = systemClock;
  const pool = createPool(databaseUrl, {
    max: 8,
    applicationName: 'zoneferry transfer',
    onError: (error) => log.warn({ error: messageOf(error) }, 'a connection to PostgreSQL was lost'),
  });
  onStop(() => pool.end());
  const registry = new Registry(pool, secrets);
  const source = new StandbySource({
    pool,
    url: databaseUrl,
    clock,
    access: registry,
    onAway: (because) => {
      if (because === undefined) log.info({}, 'read replica: every commit waits for it');
      else log.error({ error: because }, `read replica: it is not sure that commits wait for it: ${because}`);
    },
  });
  onStop(() => source.stop());
  await source.start();
  onReady(() => source.away && `read replica: ${source.away}`);
  const server = createTransferServer({
    listen: config.dnsListen,
    sharesPorts,
    ...(config.tls ? { tls: config.tls } : {}),
    legacyTsig: config.tsigLegacy,
    source,
    registry,
    clock,
    log,
    onAhead: ({ zone, serial }) =>
      log.warn(
        { zone, serial },
        `a secondary has ${zone} at serial ${serial}, newer than ours; a replica can't note it`,
      ),
    onServed: (event) => metrics.transferEnded(event),
  });
  await server.start();
  onStop(() => server.stop(5_000));
  log.info(
    {},
    `DNS on ${server.addresses().map(formatEndpoint).join(', ')}, TCP and UDP, from a read replica`,
  );
}

/**
 * What can't be learned now is waited for and said, as PostgreSQL away is at any start.
 *
 * @throws UserError for what an operator has to change first
 */
async function refuseUnfit({ pool, databaseUrl, log, signal }: ReplicaShared): Promise<void> {
  const { missing, unknown } = await missingSteps(pool);
  if (missing.length + unknown.length > 0)
    throw new UserError(
      'DATABASE_URL: this read replica has the schema of another version: run `zoneferry migrate` of this one on the primary',
    );
  for (let wait = 250; ; wait = Math.min(wait * 2, 5_000)) {
    const verdict = await checkStandby(pool, databaseUrl);
    if (verdict.kind === 'waited-for') return;
    if (verdict.kind === 'not-waited-for')
      throw new UserError(
        `DATABASE_URL: this PostgreSQL is a read replica, which could give older serials than those notified: ${verdict.reason}`,
      );
    log.warn(
      { error: verdict.reason },
      `read replica: it can't be learned whether commits wait for it; trying again in ${wait} ms`,
    );
    await pause(wait, undefined, signal ? { signal } : {});
  }
}
