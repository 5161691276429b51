import type { RemoteInfo, Socket } from 'node:dgram';
import { plainAddress } from './address-set.ts';
import type { Responder } from './respond.ts';
import type { Strangers } from './strangers.ts';

/**
 * Answers datagrams: SOA, and IXFR where the answer fits. Each is on its own, and above a number of them at once
 * further ones are dropped, as the network itself may do.
 */
export class DatagramService {
  readonly #responder: Responder;
  readonly #most: number;
  readonly #strangers: Strangers;
  #underWay = 0;
  readonly #quiet: (() => void)[] = [];

  constructor(responder: Responder, strangers: Strangers, most: number) {
    this.#responder = responder;
    this.#strangers = strangers;
    this.#most = most;
  }

  /** Answers one datagram that came in on `socket`. */
  receive(socket: Socket, message: Buffer, from: RemoteInfo): void {
    // A reply to port 0 can't be sent; such a datagram is forged.
    if (this.#underWay >= this.#most || from.port === 0) return;
    const address = plainAddress(from.address);
    if (!this.#strangers.mayAsk(address)) return;
    const plain = this.#responder.respondNow(message, {
      address,
      port: from.port,
      transport: 'udp',
    });
    if (plain !== undefined) {
      send(socket, plain.bytes, from);
      plain.ended();
      return;
    }
    this.#underWay++;
    void this.#answer(socket, message, from).finally(() => {
      this.#underWay--;
      if (this.#underWay === 0) for (const tell of this.#quiet.splice(0)) tell();
    });
  }

  /** Waits until everything taken in is answered, at most until the deadline. */
  async settle(deadlineMs: number): Promise<void> {
    if (this.#underWay === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, deadlineMs);
      this.#quiet.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  async #answer(socket: Socket, message: Buffer, from: RemoteInfo): Promise<void> {
    const response = await this.#responder.respond(message, {
      address: from.address,
      port: from.port,
      transport: 'udp',
    });
    if (response.kind !== 'message') return;
    send(socket, response.bytes, from);
  }
}

function send(socket: Socket, bytes: Buffer, { port, address }: RemoteInfo): void {
  try {
    // An error on the way is the client's time-out; it comes as an event, which nobody needs.
    socket.send(bytes, port, address);
  } catch {
    // The socket was closed meanwhile: the server stops.
  }
}
