import { systemClock } from '../clock.ts';
import { formatEndpoint } from '../endpoint.ts';
import { messageOf } from '../errors.ts';
import { Dispatcher } from '../notify/dispatcher.ts';
import { Sender } from '../notify/sender.ts';
import { Outbox } from '../store/outbox.ts';
import { createPool } from '../store/pool.ts';
import { Registry } from '../store/registry.ts';
import { VersionSource } from '../store/version-source.ts';
import { createTransferServer } from '../transfer/server.ts';
import type { Shared } from './shared.ts';

const REGISTRY_EVERY = 2_000; // ms between reads whose hint was lost

/** The role `transfer`: serves zones, and sends NOTIFY from the address that secondaries know. */
export async function startTransfer({
  config,
  databaseUrl,
  hints,
  log,
  onStop,
  onReady,
}: Shared): Promise<void> {
  const clock = systemClock;
  const onError = (error: Error) =>
    log.warn({ error: messageOf(error) }, 'a connection to PostgreSQL was lost');
  // a pool of its own: a flood of edits must not keep answers waiting
  const pool = createPool(databaseUrl, { max: 8, applicationName: 'zoneferry transfer', onError });
  onStop(() => pool.end());

  const registry = new Registry(pool);
  const outbox = new Outbox(pool, hints);
  onStop(followRegistry(registry, outbox, hints, log));
  await registry.read();
  await outbox.reconcile();

  const source = new VersionSource(pool, clock, (away) => {
    if (away)
      log.error(
        { error: messageOf(away) },
        'PostgreSQL does not answer: the last confirmed versions are served until their EXPIRE',
      );
    else log.info({}, 'PostgreSQL answers again');
  });
  onReady(() =>
    source.away ? 'PostgreSQL does not answer: the last confirmed versions are served' : undefined,
  );
  const server = createTransferServer({
    listen: config.dnsListen,
    source,
    registry,
    clock,
    log,
    onAhead: ({ zone, serial, secondaryId }) =>
      log.warn({ zone, serial, secondaryId }, `a secondary has ${zone} at serial ${serial}, newer than ours`),
  });
  await server.start();
  onStop(() => server.stop(5_000));
  log.info({}, `DNS on ${server.addresses().map(formatEndpoint).join(', ')}, TCP and UDP`);

  const sender = new Sender({ from: config.notifyFrom, clock });
  onStop(() => sender.close());
  const dispatcher = new Dispatcher({ outbox, sender, clock, log, rate: config.notifyRate });
  dispatcher.start();
  onStop(() => dispatcher.stop());
}

function followRegistry(
  registry: Registry,
  outbox: Outbox,
  hints: Shared['hints'],
  log: Shared['log'],
): () => Promise<void> {
  let running: Promise<void> | undefined;
  let again = false;
  const follow = (reconcile: boolean) => {
    again ||= reconcile;
    running ??= (async () => {
      try {
        await registry.read();
        while (again) {
          again = false;
          await outbox.reconcile();
          await registry.read();
        }
      } catch (error) {
        log.warn(
          { error: messageOf(error) },
          'the registered secondaries could not be read; those known stay in force',
        );
      }
    })().finally(() => {
      running = undefined;
    });
  };
  const off = hints.on('registry', () => follow(true));
  const timer = setInterval(() => follow(false), REGISTRY_EVERY).unref();
  return async () => {
    off();
    clearInterval(timer);
    await running;
  };
}
