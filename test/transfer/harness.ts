import { afterEach } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { LegacyAlgorithm } from '../../src/dns/tsig.ts';
import type { AheadEvent, ServedEvent } from '../../src/transfer/events.ts';
import type { TransferLimits } from '../../src/transfer/limits.ts';
import { createTransferServer, type TransferServer } from '../../src/transfer/server.ts';
import type { TlsOptions } from '../../src/transfer/tls.ts';
import { MemoryRegistry, MemoryZones } from '../support/memory-zones.ts';
import type { Peer } from '../support/transfer-client.ts';
import { KeptLog } from './kept-log.ts';

export { KeptLog } from './kept-log.ts';

export interface Running {
  server: TransferServer;
  zones: MemoryZones;
  registry: MemoryRegistry;
  log: KeptLog;
  served: ServedEvent[];
  ahead: AheadEvent[];
  /** For the client's functions. */
  at: Peer & { host: string };
}

const running: TransferServer[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop(100)));
});

/** A server on a free port of 127.0.0.1, stopped after the test. Its registry is empty. */
export async function startServer(
  limits: Partial<TransferLimits> = {},
  tls?: Omit<TlsOptions, 'listen'>,
  legacyTsig: readonly LegacyAlgorithm[] = [],
): Promise<Running> {
  const zones = new MemoryZones();
  const registry = new MemoryRegistry();
  const log = new KeptLog();
  const served: ServedEvent[] = [];
  const ahead: AheadEvent[] = [];
  const server = createTransferServer({
    listen: [{ ip: '127.0.0.1', port: 0 }],
    source: zones,
    registry,
    clock: systemClock,
    log,
    limits,
    legacyTsig,
    ...(tls === undefined ? {} : { tls: { ...tls, listen: [{ ip: '127.0.0.1', port: 0 }] } }),
    onServed: (event) => served.push(event),
    onAhead: (event) => ahead.push(event),
  });
  running.push(server);
  await server.start();
  const { ip, port } = server.addresses()[0]!;
  return { server, zones, registry, log, served, ahead, at: { host: ip, port } };
}

/** Waits until it holds; fails after ten seconds. */
export async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !holds(); ) {
    if (Date.now() > end) throw new Error('it did not come about within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A small zone of several types. */
export const SMALL_ZONE = [
  '@ 3600 NS ns1.example.net.',
  '@ 300 A 192.0.2.1',
  '@ 300 MX 10 Mail.Example.COM.',
  'www 60 CNAME @',
  'Mixed.Case 300 TXT "kept as it is"',
  '_sip._tcp 300 SRV 1 2 5060 sip.example.com.',
  'unknown 300 TYPE65400 \\# 4 deadbeef',
  'svc 300 HTTPS 1 . alpn=h2',
];
