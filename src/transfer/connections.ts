import type { Socket } from 'node:net';
import { plainAddress } from './address-set.ts';
import { Connection, type ConnectionBounds } from './connection.ts';
import type { Report } from './report.ts';
import type { Responder } from './respond.ts';
import type { Strangers } from './strangers.ts';

export interface ConnectionCaps extends ConnectionBounds {
  readonly connections: number;
  readonly connectionsPerAddress: number;
  readonly strangerConnections: number;
}

interface Entry {
  readonly connection: Connection;
  readonly address: string;
  readonly isStranger: boolean;
}

/**
 * All TCP and TLS connections of the server, within its caps. Where one is full, the connection that has rested longest makes
 * room (RFC 7766, 6.2.3); where none rests, the newest is turned away. Addresses that nobody registered have a small
 * cap of their own, so that strangers can't take the places of secondaries.
 */
export class Connections {
  readonly #entries = new Set<Entry>();
  #sweeper: NodeJS.Timeout | undefined;
  readonly #parts: { responder: Responder; strangers: Strangers; caps: ConnectionCaps; report: Report };

  constructor(parts: { responder: Responder; strangers: Strangers; caps: ConnectionCaps; report: Report }) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Takes a new connection in, or closes it; one over TLS when its handshake is over. */
  accept(socket: Socket, transport: 'tcp' | 'tls' = 'tcp'): void {
    const { responder, strangers, caps, report } = this.#parts;
    const { remoteAddress, remotePort } = socket;
    // Gone again before we came to it.
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy();
      return;
    }
    const address = plainAddress(remoteAddress);
    const peer = { address, port: remotePort, transport };
    const isStranger = strangers.isStranger(address);
    const full =
      this.#fullFor(caps.connectionsPerAddress, (entry) => entry.address === address) ??
      (isStranger ? this.#fullFor(caps.strangerConnections, (entry) => entry.isStranger) : undefined) ??
      this.#fullFor(caps.connections, () => true);
    if (full !== undefined) {
      report.turnedAway(peer, `${full} connections are open already, and all are busy`);
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    const connection = new Connection(socket, peer, {
      responder,
      bounds: caps,
      report,
      mayAsk: () => strangers.mayAsk(address),
      onClosed: () => this.#entries.delete(entry),
    });
    const entry: Entry = { connection, address, isStranger };
    this.#entries.add(entry);
    this.#sweeper ??= setInterval(() => this.#sweep(), sweepEvery(caps));
  }

  /** Cuts all of them. */
  cut(why: string): void {
    for (const { connection } of this.#entries) connection.cut(why);
  }

  /** Lets everything under way end until the deadline, then closes the rest. */
  async close(deadlineMs: number): Promise<void> {
    for (const { connection } of this.#entries) connection.finishCurrent();
    const end = performance.now() + deadlineMs;
    while (this.#entries.size > 0 && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    for (const { connection } of this.#entries) connection.cut('the server is stopping');
    // Closing a socket takes a turn of the event loop, not longer.
    while (this.#entries.size > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    this.#sweep();
  }

  /** One timer for the deadlines of all connections. */
  #sweep(): void {
    if (this.#entries.size === 0) {
      clearInterval(this.#sweeper);
      this.#sweeper = undefined;
      return;
    }
    const now = performance.now();
    for (const { connection } of this.#entries) connection.sweep(now);
  }

  /** Makes room under a cap where it is reached; the cap itself where that can't be done. */
  #fullFor(cap: number, matches: (entry: Entry) => boolean): number | undefined {
    if (this.#entries.size < cap) return undefined;
    let count = 0;
    let longest: Entry | undefined;
    for (const entry of this.#entries) {
      if (!matches(entry)) continue;
      count++;
      if (isBetterToClose(entry, longest)) longest = entry;
    }
    if (count < cap) return undefined;
    if (longest === undefined) return cap;
    longest.connection.cut('its place is needed');
    this.#entries.delete(longest);
    return undefined;
  }
}

/** Milliseconds between looks at the deadlines: some hundredths of the shortest. */
function sweepEvery({ idleMs, stallMs, transferMs }: ConnectionBounds): number {
  return Math.max(5, Math.min(250, idleMs / 20, stallMs / 20, transferMs / 20));
}

/** Strangers before secondaries, then whoever has rested longer; who is being served never. */
function isBetterToClose(entry: Entry, than: Entry | undefined): boolean {
  const since = entry.connection.idleSince;
  if (since === undefined) return false;
  if (than === undefined) return true;
  if (entry.isStranger !== than.isStranger) return entry.isStranger;
  return since < than.connection.idleSince!;
}
