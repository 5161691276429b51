import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { FrameReader, frame } from '../../src/dns/framer.ts';
import { headerFlags, type Message, readMessage } from '../../src/dns/message.ts';
import { nameKey } from '../../src/dns/name.ts';
import { soaSerial } from '../../src/dns/rdata/index.ts';
import { OPCODE } from '../../src/dns/types.ts';
import { MessageWriter } from '../../src/dns/writer.ts';
import type { Endpoint } from '../../src/endpoint.ts';

export interface Received {
  message: Message;
  bytes: Buffer;
  zone: string;
  serial: number | undefined;
  transport: 'udp' | 'tcp';
  from: { address: string; port: number };
  at: number;
}

/** A secondary on loopback that writes down each NOTIFY and replies as it is told. */
export class FakeSecondary {
  readonly received: Received[] = [];
  /** What it was asked, beside NOTIFY. */
  readonly asked: Received[] = [];
  /** The replies to send; default: one NOERROR. May be late. */
  reply: (received: Received) => Buffer[] | Promise<Buffer[]> = ({ message }) => [acknowledge(message)];
  /** The replies to what else it is asked; default: REFUSED. */
  answer: (received: Received) => Buffer[] = ({ message }) => [
    acknowledge(message, 5, { opcode: message.opcode }),
  ];
  readonly endpoint: Endpoint;
  readonly #udp: UdpSocket;
  readonly #tcp: Server;

  private constructor(udp: UdpSocket, tcp: Server) {
    this.#udp = udp;
    this.#tcp = tcp;
    this.endpoint = { ip: '127.0.0.1', port: udp.address().port };
    udp.on('message', (bytes, from) => void this.#fromUdp(bytes, from));
    tcp.on('connection', (connection) => {
      const frames = new FrameReader();
      const { remoteAddress: address = '', remotePort: port = 0 } = connection;
      connection.on('error', () => connection.destroy());
      connection.on('data', async (chunk) => {
        for (const bytes of frames.push(chunk)) {
          const replies = await this.#take(bytes, 'tcp', { address, port });
          for (const reply of replies) if (!connection.destroyed) connection.write(frame(reply));
        }
      });
    });
  }

  static async start(): Promise<FakeSecondary> {
    for (;;) {
      const udp = createSocket('udp4').bind(0, '127.0.0.1');
      await once(udp, 'listening');
      const tcp = createServer().listen(udp.address().port, '127.0.0.1');
      const isFree = await new Promise<boolean>((resolve) => {
        tcp.once('listening', () => resolve(true)).once('error', () => resolve(false));
      });
      if (isFree) return new FakeSecondary(udp, tcp);
      udp.close();
    }
  }

  /** Says nothing any more. */
  mute(): void {
    this.reply = () => [];
    this.answer = () => [];
  }

  async close(): Promise<void> {
    this.#udp.close();
    this.#tcp.close();
  }

  async #fromUdp(bytes: Buffer, from: RemoteInfo): Promise<void> {
    for (const reply of await this.#take(bytes, 'udp', from)) this.#udp.send(reply, from.port, from.address);
  }

  async #take(bytes: Buffer, transport: 'udp' | 'tcp', from: Received['from']): Promise<Buffer[]> {
    const message = readMessage(bytes);
    const soa = message.answers[0];
    const received: Received = {
      message,
      bytes,
      zone: nameKey(message.questions[0]!.name),
      serial: soa && soaSerial(soa.rdata),
      transport,
      from: { address: from.address, port: from.port },
      at: performance.now(),
    };
    if (message.opcode === OPCODE.NOTIFY) {
      this.received.push(received);
      return await this.reply(received);
    }
    this.asked.push(received);
    return this.answer(received);
  }
}

/** The reply of RFC 1996, 4.7. */
export function acknowledge(
  request: Message,
  rcode = 0,
  fields: { id?: number; opcode?: number } = {},
): Buffer {
  const { id = request.id, opcode = 4 } = fields;
  const flags = headerFlags({ qr: true, aa: true, opcode, rcode });
  return new MessageWriter({ limit: 512 })
    .header({ id, flags })
    .question(request.questions[0]!.wire)
    .finish();
}

/** A reply of NSD's kind: twelve octets. */
export function bareReply(request: Message, rcode: number): Buffer {
  const flags = headerFlags({ qr: true, opcode: 4, rcode });
  return new MessageWriter({ limit: 512 }).header({ id: request.id, flags }).finish();
}
