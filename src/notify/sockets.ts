import { isIPv6 } from 'node:net';
import { type Endpoint, formatEndpoint } from '../endpoint.ts';
import { askOverTcp } from '../resolve/tcp.ts';
import { type Exchange, type Question, UdpPool } from '../resolve/udp-pool.ts';

/** Source addresses, those that secondaries know as their primary; the system chooses for a family without one. */
export interface SourceAddresses {
  readonly ipv4?: string;
  readonly ipv6?: string;
}

/** Remotes whose sockets are kept open; beyond them those used longest ago are closed, once nobody waits there for a reply. */
const MOST_REMOTES = 500;

/**
 * Asks secondaries, over UDP from sockets that are connected to them and bound to the source address given, each on a random port;
 * "port unreachable" is told at once. Or over TCP, on a connection of its own.
 */
export class Sockets {
  readonly #from: SourceAddresses;
  readonly #perRemote: number;
  /** By remote; the one used last stands last. */
  readonly #pools = new Map<string, UdpPool>();
  readonly #leaving = new Set<UdpPool>();

  constructor(from: SourceAddresses, perRemote = 2) {
    this.#from = from;
    this.#perRemote = perRemote;
  }

  /** @throws the signal's reason when it is aborted */
  ask<T>(to: Endpoint, transport: 'udp' | 'tcp', question: Question<T>): Promise<Exchange<T>> {
    const source = isIPv6(to.ip) ? this.#from.ipv6 : this.#from.ipv4;
    return transport === 'tcp' ? askOverTcp(to, question, source) : this.#poolFor(to, source).ask(question);
  }

  /** Closes all sockets; what still waits is told so. May be called twice. */
  close(): void {
    for (const pool of [...this.#pools.values(), ...this.#leaving]) pool.close();
    this.#pools.clear();
    this.#leaving.clear();
  }

  #poolFor(remote: Endpoint, localAddress: string | undefined): UdpPool {
    const text = formatEndpoint(remote);
    const pool = this.#pools.get(text) ?? new UdpPool({ remote, localAddress, sockets: this.#perRemote });
    this.#pools.delete(text);
    this.#pools.set(text, pool);
    for (const [oldest, unused] of this.#pools) {
      if (this.#pools.size <= MOST_REMOTES) break;
      this.#pools.delete(oldest);
      this.#leaving.add(unused);
      unused.retire(() => this.#leaving.delete(unused));
    }
    return pool;
  }
}
