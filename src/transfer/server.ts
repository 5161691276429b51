import type { Clock } from '../clock.ts';
import type { LegacyAlgorithm } from '../dns/tsig.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Log } from '../log.ts';
import { Connections } from './connections.ts';
import type { AheadEvent, RefusedEvent, ServedEvent } from './events.ts';
import { Images } from './images.ts';
import { Increments } from './increments.ts';
import { defaultLimits, type TransferLimits } from './limits.ts';
import { Listeners } from './listeners.ts';
import { Report } from './report.ts';
import { Responder } from './respond.ts';
import { FairSlots } from './slots.ts';
import type { KnownVersion, Registry, VersionSource } from './source.ts';
import { Strangers } from './strangers.ts';
import { TlsDoor, type TlsOptions } from './tls.ts';
import { DatagramService } from './udp.ts';

export interface TransferServerOptions {
  /** TCP and UDP on each; port 0 takes a free one, the same for both. */
  readonly listen: readonly Endpoint[];
  /** Other processes may listen there too; the system shares out what comes. */
  readonly sharesPorts?: boolean;
  /** XFR over TLS (RFC 9103), where it is wanted. */
  readonly tls?: TlsOptions;
  readonly source: VersionSource;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<TransferLimits>;
  /** TSIG algorithms that are taken beside those with SHA-2; default none. */
  readonly legacyTsig?: readonly LegacyAlgorithm[];
  /** Told of each answer with data, when it is over. */
  readonly onServed?: (event: ServedEvent) => void;
  /** Told of refusals, some each second at most. Must not throw. */
  readonly onRefused?: (event: RefusedEvent) => void;
  /** Told the reason of each refusal, for counting. Must not throw. */
  readonly onRefusal?: (reason: string) => void;
  /** Told of each secondary that has a newer serial than we serve. */
  readonly onAhead?: (event: AheadEvent) => void;
}

export interface TransferServer {
  /**
   * Starts to listen.
   *
   * @throws UserError where an address or port can't be had, or a file of TLS can't be used
   */
  start(): Promise<void>;
  /** Ends what is under way within so many milliseconds, cuts off the rest and closes all sockets. */
  stop(deadlineMs: number): Promise<void>;
  /** A newer version of a zone is there: what takes long to make of it is made before somebody asks. */
  changed(version: KnownVersion): void;
  /** The store may have lost versions: what was made of them is forgotten, and whoever was being sent one is cut off. */
  forget(): void;
  /** Where it listens. */
  addresses(): Endpoint[];
  /** Where it listens for XFR over TLS. */
  tlsAddresses(): Endpoint[];
}

/** The transfer server: SOA, AXFR and IXFR for registered secondaries. */
export function createTransferServer(options: TransferServerOptions): TransferServer {
  const { source, registry, clock, log } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const report = new Report(log, clock, options.onRefused, options.onRefusal);
  const increments = new Increments(source, limits);
  const images = new Images(source, limits, (zone, from) => increments.history(zone, from));
  const responder = new Responder({
    source,
    registry,
    clock,
    log,
    limits,
    images,
    increments,
    report,
    legacyTsig: options.legacyTsig ?? [],
    turns: new FairSlots(limits.transfers, limits.transfersPerSecondary),
    served: (event) => {
      report.ended(event);
      try {
        options.onServed?.(event);
      } catch (error) {
        log.error({ err: error }, 'onServed failed');
      }
    },
    ...(options.onAhead === undefined ? {} : { onAhead: options.onAhead }),
  });
  const strangers = new Strangers(registry, limits.strangerRequests);
  const connections = new Connections({ responder, strangers, report, caps: limits });
  const datagrams = new DatagramService(responder, strangers, limits.datagrams);
  const listeners = new Listeners(
    options.listen,
    {
      onConnection: (socket) => connections.accept(socket),
      onDatagram: (socket, message, from) => datagrams.receive(socket, message, from),
    },
    options.sharesPorts,
  );
  const tls =
    options.tls === undefined
      ? undefined
      : new TlsDoor(options.tls, {
          strangers,
          report,
          log,
          sharesPorts: options.sharesPorts === true,
          onConnection: (socket) => connections.accept(socket, 'tls'),
        });
  let stopped: Promise<void> | undefined;
  return {
    start,
    changed: (version) => images.changed(version),
    forget: () => {
      images.forget();
      increments.forget();
      connections.cut('another PostgreSQL took over, and may lack what was being sent');
    },
    addresses: () => listeners.addresses(),
    tlsAddresses: () => tls?.addresses() ?? [],
    stop: (deadlineMs) => {
      stopped ??= stop(deadlineMs);
      return stopped;
    },
  };

  async function start(): Promise<void> {
    await listeners.start();
    try {
      await tls?.start();
    } catch (error) {
      await listeners.stop();
      throw error;
    }
  }

  async function stop(deadlineMs: number): Promise<void> {
    tls?.stop();
    listeners.stopAccepting();
    await Promise.all([connections.close(deadlineMs), datagrams.settle(deadlineMs)]);
    await listeners.stop();
    images.close();
  }
}
