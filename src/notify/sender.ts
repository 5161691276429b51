import { isIPv6 } from 'node:net';
import type { Clock } from '../clock.ts';
import { isTaken, type LegacyAlgorithm } from '../dns/tsig.ts';
import { type Endpoint, formatEndpoint } from '../endpoint.ts';
import { askOverTcp } from '../resolve/tcp.ts';
import { type Question, UdpPool } from '../resolve/udp-pool.ts';
import { type Announcement, buildNotify, readAcknowledgement } from './message.ts';

export interface SenderOptions {
  /** Source addresses, those that secondaries know as their primary; the system chooses for a family without one. */
  from: { readonly ipv4?: string; readonly ipv6?: string };
  clock: Clock;
  /** TSIG algorithms that are used beside those with SHA-2; default none. */
  legacyTsig?: readonly LegacyAlgorithm[];
}

export interface SendOptions {
  transport: 'udp' | 'tcp';
  /** Milliseconds to wait for the reply. */
  timeoutMs: number;
  signal?: AbortSignal;
}

export type SendResult = { kind: 'answered'; rcode: number } | { kind: 'silent'; error: string };

/** Remotes whose sockets are kept open; beyond them those used longest ago are closed. */
const MOST_REMOTES = 500;

/**
 * Sends one NOTIFY and waits for the reply to it. Sockets are connected to the secondary and bound to the source address given,
 * each on a random port; "port unreachable" is told at once.
 */
export class Sender {
  readonly #options: SenderOptions;
  /** By remote; the one used last stands last. */
  readonly #pools = new Map<string, UdpPool>();

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** @throws the signal's reason when it is aborted */
  async send(announcement: Announcement, to: Endpoint, options: SendOptions): Promise<SendResult> {
    const algorithm = announcement.key?.algorithm;
    if (algorithm !== undefined && !isTaken(algorithm, this.#options.legacyTsig ?? [])) {
      const error = `not sent: its key has ${algorithm}, which is off: TSIG_LEGACY=${algorithm} turns it on`;
      return { kind: 'silent', error };
    }
    let mac: Buffer | undefined;
    let passedOver: string | undefined;
    const { clock } = this.#options;
    const question: Question<number> = {
      build: (id) => {
        const built = buildNotify(announcement, id, clock.now());
        mac = built.mac;
        return built.bytes;
      },
      accept: (bytes) => {
        const reply = readAcknowledgement(bytes, announcement, mac, clock);
        if (reply.kind === 'answered') return reply.rcode;
        passedOver = reply.why;
        return undefined;
      },
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    };
    const source = isIPv6(to.ip) ? this.#options.from.ipv6 : this.#options.from.ipv4;
    const got =
      options.transport === 'tcp'
        ? await askOverTcp(to, question, source)
        : await this.#poolFor(to, source).ask(question);
    if (got.kind === 'reply') return { kind: 'answered', rcode: got.reply };
    const what = got.kind === 'timeout' ? `no reply within ${options.timeoutMs} ms` : got.detail;
    const unbelieved = passedOver === undefined ? '' : `; a reply was passed over: ${passedOver}`;
    return { kind: 'silent', error: `${options.transport.toUpperCase()}: ${what}${unbelieved}` };
  }

  /** Closes all sockets; what still waits is told so. May be called twice. */
  close(): void {
    for (const pool of this.#pools.values()) pool.close();
    this.#pools.clear();
  }

  #poolFor(remote: Endpoint, localAddress: string | undefined): UdpPool {
    const text = formatEndpoint(remote);
    const pool = this.#pools.get(text) ?? new UdpPool({ remote, localAddress, sockets: 2 });
    this.#pools.delete(text);
    this.#pools.set(text, pool);
    for (const [oldest, unused] of this.#pools) {
      if (this.#pools.size <= MOST_REMOTES) break;
      this.#pools.delete(oldest);
      unused.close();
    }
    return pool;
  }
}
