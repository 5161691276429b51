import type { Socket } from 'node:net';
import { endsOf } from '../../endpoint.ts';
import { plainAddress } from '../address-set.ts';
import type { Peer, Report } from '../report.ts';
import type { Strangers } from '../strangers.ts';

/** The bounds of what is not through the handshake yet; behind it those of every connection hold. */
export interface HandshakeCaps {
  /** Handshakes at once, of all clients. */
  readonly handshakes: number;
  /** Handshakes at once from all addresses that nobody registered. */
  readonly strangerHandshakes: number;
  /** A connection that is not through its handshake after so many milliseconds is closed. */
  readonly handshakeMs: number;
}

export const defaultHandshakeCaps: HandshakeCaps = {
  handshakes: 500,
  strangerHandshakes: 32,
  handshakeMs: 10_000,
};

/** As how many requests of strangers a handshake counts: it has us sign, where a refusal only costs some octets. */
const COST = 5;

interface Handshake {
  readonly socket: Socket;
  readonly peer: Peer;
  readonly isStranger: boolean;
  readonly timer: NodeJS.Timeout;
  reason: string | undefined;
}

/**
 * The TLS handshakes under way: so many at once, of which addresses that nobody registered have few, and each until
 * a deadline whatever is sent meanwhile. Those of strangers are counted among what strangers ask in a second.
 */
export class Handshakes {
  readonly #strangers: Strangers;
  readonly #report: Report;
  readonly #caps: HandshakeCaps;
  readonly #underWay = new Map<string, Handshake>();
  #ofStrangers = 0;

  constructor(parts: { strangers: Strangers; report: Report; caps: HandshakeCaps }) {
    this.#strangers = parts.strangers;
    this.#report = parts.report;
    this.#caps = parts.caps;
  }

  get size(): number {
    return this.#underWay.size;
  }

  /** Takes a connection in; false where it was closed instead. */
  begin(socket: Socket): boolean {
    const { remoteAddress, remotePort } = socket;
    socket.on('error', () => {});
    // Gone again before we came to it.
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy();
      return false;
    }
    const address = plainAddress(remoteAddress);
    const peer = { address, port: remotePort, transport: 'tls' as const };
    const isStranger = this.#strangers.isStranger(address);
    const { handshakes, strangerHandshakes, handshakeMs } = this.#caps;
    if (this.#underWay.size >= handshakes || (isStranger && this.#ofStrangers >= strangerHandshakes)) {
      this.#report.turnedAway(peer, `${this.#underWay.size} TLS handshakes are under way already`);
      socket.destroy();
      return false;
    }
    if (!this.#strangers.mayAsk(address, COST)) {
      socket.destroy();
      return false;
    }
    const handshake: Handshake = {
      socket,
      peer,
      isStranger,
      timer: setTimeout(() => {
        handshake.reason = `the TLS handshake took longer than ${handshakeMs} ms`;
        socket.destroy();
      }, handshakeMs),
      reason: undefined,
    };
    const ends = endsOf(socket);
    this.#underWay.set(ends, handshake);
    if (isStranger) this.#ofStrangers++;
    socket.once('close', () => {
      if (this.#underWay.get(ends) !== handshake) return;
      this.#forget(ends, handshake);
      this.#report.turnedAway(peer, handshake.reason ?? 'the client left in the middle of the TLS handshake');
    });
    return true;
  }

  /** The handshake is over, well or not: its place is free. Gives whose it was. */
  end(socket: Socket): Peer | undefined {
    const ends = endsOf(socket);
    const handshake = this.#underWay.get(ends);
    if (handshake === undefined) return undefined;
    this.#forget(ends, handshake);
    return handshake.peer;
  }

  /** Says why a handshake fails, for the line in the log that follows when its connection closes. */
  explain(socket: Socket, reason: string): void {
    const handshake = this.#underWay.get(endsOf(socket));
    if (handshake !== undefined) handshake.reason ??= reason;
  }

  /** Closes all of them. */
  cut(): void {
    for (const [ends, handshake] of this.#underWay) {
      this.#forget(ends, handshake);
      handshake.socket.destroy();
    }
  }

  #forget(ends: string, handshake: Handshake): void {
    clearTimeout(handshake.timer);
    this.#underWay.delete(ends);
    if (handshake.isStranger) this.#ofStrangers--;
  }
}
