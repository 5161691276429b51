import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readMessage } from '../../src/dns/message.ts';
import { formatName } from '../../src/dns/name.ts';
import { OPCODE } from '../../src/dns/types.ts';

const DEADLINE = 10_000; // ms

/** A secondary that answers every NOTIFY, and says when the one of a zone came. */
export class Receiver {
  readonly #socket = createSocket('udp4');
  readonly #waiting = new Map<string, (at: number) => void>();
  #echoed: (() => void) | undefined;

  static async open(): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.#socket.on('message', (bytes, from) => receiver.#take(bytes, from));
    receiver.#socket.bind(0, '127.0.0.1');
    await once(receiver.#socket, 'listening');
    return receiver;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** When the next NOTIFY of this zone comes. */
  next(zone: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no NOTIFY of ${zone} within ${DEADLINE} ms`)),
        DEADLINE,
      );
      this.#waiting.set(zone, (at) => {
        clearTimeout(timer);
        this.#waiting.delete(zone);
        resolve(at);
      });
    });
  }

  echo(): Promise<void> {
    return new Promise((resolve) => {
      this.#echoed = resolve;
      this.#socket.send(Buffer.alloc(4), this.port, '127.0.0.1');
    });
  }

  close(): void {
    this.#socket.close();
  }

  #take(bytes: Buffer, from: { port: number; address: string }): void {
    const at = performance.now();
    if (bytes.length === 4) {
      this.#echoed?.();
      return;
    }
    const notify = readMessage(bytes);
    const [question] = notify.questions;
    if (notify.opcode !== OPCODE.NOTIFY || !question) return;
    this.#waiting.get(formatName(question.name))?.(at);
    const reply = Buffer.from(bytes.subarray(0, 12 + question.wire.length));
    reply.writeUInt16BE(0xa400, 2);
    reply.writeUInt16BE(1, 4);
    reply.fill(0, 6, 12);
    this.#socket.send(reply, from.port, from.address);
  }
}
