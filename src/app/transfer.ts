import { systemClock } from '../clock.ts';
import { RCODE, rcodeToText } from '../dns/types.ts';
import { formatEndpoint } from '../endpoint.ts';
import { messageOf } from '../errors.ts';
import { Dispatcher } from '../notify/dispatcher.ts';
import { Sender } from '../notify/sender.ts';
import { isWhole } from '../notify/verifier/taken-log.ts';
import type { KnownVersion } from '../store/known-versions.ts';
import { Outbox } from '../store/outbox.ts';
import { createPool } from '../store/pool.ts';
import { markCatalogs } from '../store/publication/catalog.ts';
import { Registry } from '../store/registry.ts';
import { VersionSource } from '../store/version-source.ts';
import { createTransferServer } from '../transfer/server.ts';
import { AheadWatch } from './ahead.ts';
import { startConvergence } from './convergence.ts';
import { Reconciler } from './reconciler.ts';
import { RefusalLog } from './refusals.ts';
import type { Shared } from './shared.ts';
import { traceServed } from './spans.ts';

/** The role `transfer`: serves zones, and sends NOTIFY from the address that secondaries know. */
export async function startTransfer(
  { config, databaseUrl, secrets, hints, log, metrics, tracing, onStop, onReady }: Shared,
  sharesPorts = false,
): Promise<void> {
  const clock = systemClock;
  const onError = (error: Error) =>
    log.warn({ error: messageOf(error) }, 'a connection to PostgreSQL was lost');
  // a pool of its own: a flood of edits must not keep answers waiting
  const pool = createPool(databaseUrl, {
    max: 8,
    applicationName: 'zoneferry transfer',
    onError,
    // what a crash of PostgreSQL takes of the outbox is sent once more
    mayLoseLatest: true,
  });
  onStop(() => pool.end());

  const registry = new Registry(pool, secrets);
  const outbox = new Outbox(pool, hints, secrets);
  const reconciler = new Reconciler(outbox, () => markCatalogs(pool), log);
  onStop(() => reconciler.stop());
  let refresh: (version: KnownVersion) => void = () => {};
  let tookOver = () => {};
  const source = new VersionSource({
    pool,
    url: databaseUrl,
    clock,
    access: {
      read: async () => {
        await registry.read();
        reconciler.wake();
      },
    },
    onAway: (away) => {
      if (away)
        log.error(
          { error: messageOf(away) },
          'PostgreSQL does not answer: the last confirmed versions are served until their EXPIRE',
        );
      else log.info({}, 'PostgreSQL answers again');
    },
    onTakeOver: () => tookOver(),
    onVersion: (version) => refresh(version),
  });
  for (const channel of ['versions', 'zones', 'registry'] as const)
    onStop(hints.on(channel, () => source.wake()));
  onStop(() => source.stop());
  await source.start();
  onReady(() =>
    source.away ? 'PostgreSQL does not answer: the last confirmed versions are served' : undefined,
  );
  const ahead = new AheadWatch({ pool, log, now: () => clock.now() });
  onStop(() => ahead.stop());
  await ahead.start();
  const convergence = startConvergence({ config, pool, hints, clock, log, ahead, tracing, onStop });
  const refusals = new RefusalLog({ pool, registry, log });
  onStop(() => refusals.stop());
  const server = createTransferServer({
    listen: config.dnsListen,
    sharesPorts,
    ...(config.tls ? { tls: config.tls } : {}),
    legacyTsig: config.tsigLegacy,
    limits: {
      connections: config.dnsConnections.all,
      connectionsPerAddress: config.dnsConnections.perAddress,
      strangerConnections: Math.ceil(config.dnsConnections.all / 10),
    },
    source,
    registry,
    clock,
    log,
    onAhead: (event) => ahead.shown(event),
    onRefused: (event) => refusals.add(event),
    onRefusal: (reason) => metrics.refused(reason),
    onServed: (event) => {
      metrics.transferEnded(event);
      if (tracing) traceServed(tracing, event);
      convergence.served(event);
      if (event.complete && isWhole(event.given) && event.given !== 'up-to-date') ahead.served(event);
    },
  });
  await server.start();
  refresh = (version) => {
    convergence.published(version.zoneId);
    server.changed(version);
  };
  tookOver = () => {
    log.warn(
      {},
      'another PostgreSQL took over: should it lack the last commits of the one before, secondaries are ahead, and are passed',
    );
    server.forget();
    convergence.tookOver();
  };
  onStop(() => server.stop(5_000));
  log.info({}, `DNS on ${server.addresses().map(formatEndpoint).join(', ')}, TCP and UDP`);
  if (config.tls)
    log.info(
      {},
      `XFR over TLS on ${server.tlsAddresses().map(formatEndpoint).join(', ')}${config.tls.clientCa ? ', for clients with a certificate' : ''}`,
    );

  const sender = new Sender({ from: config.notifyFrom, clock, legacyTsig: config.tsigLegacy });
  onStop(() => sender.close());
  const dispatcher = new Dispatcher({
    outbox,
    sender,
    clock,
    log,
    rate: config.notifyRate,
    inTransfer: convergence.inTransfer,
    ...(tracing ? { tracing } : {}),
    observe: (row, result, ms) => {
      metrics.notified(result.kind === 'answered' ? rcodeToText(result.rcode) : undefined, ms);
      if (result.kind === 'answered' && result.rcode === RCODE.NOERROR) convergence.answered(row);
    },
  });
  dispatcher.start();
  onStop(() => dispatcher.stop());
}
