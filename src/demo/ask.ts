import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type Message, readMessage } from '../dns/message.ts';
import { absoluteName } from '../dns/name.ts';
import { buildQuery } from '../dns/query.ts';
import { formatRdata, soaSerial } from '../dns/rdata/index.ts';
import { TYPE } from '../dns/types.ts';
import type { Endpoint } from '../endpoint.ts';

/** Asks one server over UDP, as dig does, but often and cheaply. */
export class Questioner {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, (reply: Message) => void>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (bytes) => this.#receive(bytes));
    // nobody listens there yet: the question goes without an answer
    socket.on('error', () => {});
  }

  static async of(server: Endpoint): Promise<Questioner> {
    const socket = createSocket(server.ip.includes(':') ? 'udp6' : 'udp4');
    socket.connect(server.port, server.ip);
    await once(socket, 'connect');
    return new Questioner(socket);
  }

  /** The contents that the server answers, sorted; undefined where it doesn't answer within `timeoutMs`, or with an error. */
  async contents(name: string, type: 'A' | 'AAAA', timeoutMs = 500): Promise<string[] | undefined> {
    const reply = await this.ask(name, TYPE[type], timeoutMs);
    if (reply === undefined || reply.rcode !== 0) return undefined;
    return reply.answers
      .filter((record) => record.type === TYPE[type])
      .map((record) => formatRdata(record.type, record.rdata))
      .sort();
  }

  /** The serial that the server answers; undefined as for `contents`. */
  async serial(zone: string, timeoutMs = 500): Promise<number | undefined> {
    const reply = await this.ask(zone, TYPE.SOA, timeoutMs);
    const soa = reply?.answers.find((record) => record.type === TYPE.SOA);
    return soa && soaSerial(soa.rdata);
  }

  /** The reply to one question; undefined after `timeoutMs`. */
  ask(name: string, type: number, timeoutMs: number): Promise<Message | undefined> {
    const id = randomInt(65_536);
    return new Promise((resolve) => {
      const settle = (reply?: Message) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(reply);
      };
      const timer = setTimeout(settle, timeoutMs);
      this.#waiting.set(id, settle);
      this.#socket.send(buildQuery({ id, name: absoluteName(name), type }), () => {});
    });
  }

  close(): void {
    this.#socket.close();
  }

  #receive(bytes: Buffer): void {
    try {
      const reply = readMessage(bytes);
      if (reply.qr) this.#waiting.get(reply.id)?.(reply);
    } catch {
      // not a message: as if it had not come
    }
  }
}
