import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { headerFlags, type Message, readMessage } from '../../src/dns/message.ts';
import { formatName } from '../../src/dns/name.ts';
import { serialSoa } from '../../src/dns/query.ts';
import { soaSerial } from '../../src/dns/rdata/index.ts';
import { CLASS_IN, OPCODE, RCODE, TYPE } from '../../src/dns/types.ts';
import { MessageWriter } from '../../src/dns/writer.ts';

const DEADLINE = 10_000; // ms

/**
 * A secondary that answers every NOTIFY, and says when the one of a zone came. Asked for a SOA, it has the serial that it was told of; what
 * it was never told of is old.
 */
export class Receiver {
  readonly #socket = createSocket('udp4');
  readonly #waiting = new Map<string, (at: number) => void>();
  readonly #serials = new Map<string, number>();
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
    const message = readMessage(bytes);
    const [question] = message.questions;
    if (!question || message.qr) return;
    const zone = formatName(question.name);
    if (message.opcode === OPCODE.NOTIFY) {
      this.#waiting.get(zone)?.(at);
      const soa = message.answers.find((record) => record.type === TYPE.SOA);
      if (soa) this.#serials.set(zone, soaSerial(soa.rdata));
    }
    this.#socket.send(this.#replyTo(message, zone), from.port, from.address);
  }

  #replyTo({ id, opcode, questions }: Message, zone: string): Buffer {
    const question = questions[0]!;
    const isAsked = opcode === OPCODE.QUERY;
    const rcode = isAsked && question.type !== TYPE.SOA ? RCODE.REFUSED : RCODE.NOERROR;
    const writer = new MessageWriter({ limit: 512 });
    writer.header({ id, flags: headerFlags({ qr: true, aa: true, opcode, rcode }) });
    writer.question(question.wire);
    if (isAsked && rcode === RCODE.NOERROR)
      writer.record(question.name, TYPE.SOA, CLASS_IN, 300, serialSoa(this.#serials.get(zone) ?? 1));
    return writer.finish();
  }
}
