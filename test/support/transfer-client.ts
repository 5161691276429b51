/**
 * A client of the transfer server over real sockets: SOA queries, AXFR and IXFR, each checked message by message, and
 * a bare connection for what no well-behaved client does.
 */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { systemClock } from '../../src/clock.ts';
import { FrameReader, frame } from '../../src/dns/framer.ts';
import { type InboundResult, InboundTransfer } from '../../src/dns/inbound.ts';
import { type Message, type ResourceRecord, readMessage } from '../../src/dns/message.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { buildQuery, serialSoa } from '../../src/dns/query.ts';
import { soaSerial } from '../../src/dns/rdata/index.ts';
import { signRequest, type TsigKey, TsigVerifier } from '../../src/dns/tsig.ts';
import { TYPE } from '../../src/dns/types.ts';
import type { EdnsFields } from '../../src/dns/writer.ts';

export interface Peer {
  host: string;
  port: number;
  /** The address that the client comes from, e.g. 127.0.0.2. */
  localAddress?: string;
  /** For the whole exchange. Default 10,000. */
  timeoutMs?: number;
  /** Connections go over TLS, with these options beside ALPN and version (RFC 9103). */
  tls?: ConnectionOptions;
}

export interface Asked extends Peer {
  zone: string | Buffer;
  key?: TsigKey;
  edns?: EdnsFields;
  /** Default: random. */
  id?: number;
  /** Takes transfers without AA too (Knot DNS). */
  withoutAa?: boolean;
}

export interface Transferred {
  result: InboundResult;
  messages: Message[];
  /** Octets of all messages, without their length prefixes. */
  octets: number;
}

/** A whole transfer. Rejects with TransferError (its `rcode` where refused), TsigError or FormatError. */
export function axfr(asked: Asked): Promise<Transferred> {
  return transfer(asked, 'AXFR', undefined, 'tcp');
}

/** An incremental transfer from `serial`. */
export function ixfr(asked: Asked & { serial: number; transport?: 'udp' | 'tcp' }): Promise<Transferred> {
  return transfer(asked, 'IXFR', asked.serial, asked.transport ?? 'tcp');
}

/** A SOA query, by default over UDP. `serial` and `record` are absent where the answer has no SOA. */
export async function soa(
  asked: Asked & { transport?: 'udp' | 'tcp' },
): Promise<{ rcode: number; message: Message; serial?: number; record?: ResourceRecord }> {
  const request = makeRequest(asked, TYPE.SOA);
  const bytes = await exchange(asked, request.bytes, asked.transport ?? 'udp');
  const message = readMessage(bytes);
  if (message.id !== request.id) throw new Error(`the reply has the ID ${message.id}, not ${request.id}`);
  request.verifier?.verify(bytes, message);
  const record = message.answers.find((answer) => answer.type === TYPE.SOA);
  return {
    rcode: message.rcode,
    message,
    ...(record === undefined ? {} : { record, serial: soaSerial(record.rdata) }),
  };
}

/** Sends one message and gives the first that comes back, unread and unchecked. */
export function exchange(peer: Peer, bytes: Buffer, transport: 'udp' | 'tcp'): Promise<Buffer> {
  return transport === 'udp' ? exchangeOverUdp(peer, bytes) : exchangeOverTcp(peer, bytes);
}

/** A connection over TCP or TLS to write anything to, whole frames or parts. Close it with `destroy`. */
export class TestConnection {
  readonly socket: Socket;
  readonly #frames = new FrameReader();
  readonly #arrived: Buffer[] = [];
  readonly #timeoutMs: number;
  #ended = false;
  #failure: Error | undefined;
  #wake: () => void = () => {};

  private constructor(socket: Socket, timeoutMs: number) {
    this.socket = socket;
    this.#timeoutMs = timeoutMs;
    socket.on('data', (chunk: Buffer) => {
      try {
        this.#arrived.push(...this.#frames.push(chunk));
      } catch (error) {
        this.#failure = error as Error;
        socket.destroy();
      }
      this.#wake();
    });
    socket.on('error', (error) => {
      this.#failure ??= error;
      this.#wake();
    });
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.#ended = true;
        this.#wake();
      });
    }
  }

  static async open(peer: Peer): Promise<TestConnection> {
    const to = {
      host: peer.host,
      port: peer.port,
      allowHalfOpen: true,
      ...(peer.localAddress === undefined ? {} : { localAddress: peer.localAddress }),
    };
    const socket: Socket =
      peer.tls === undefined
        ? connect(to)
        : connectTls({ ALPNProtocols: ['dot'], minVersion: 'TLSv1.3', ...to, ...peer.tls });
    const timeoutMs = peer.timeoutMs ?? 10_000;
    const opened = peer.tls === undefined ? 'connect' : 'secureConnect';
    await once(socket, opened, { signal: AbortSignal.timeout(timeoutMs) }).catch((error: unknown) => {
      socket.destroy();
      throw error;
    });
    return new TestConnection(socket, timeoutMs);
  }

  /** Sends messages in one write, each behind its length. */
  send(...messages: Buffer[]): void {
    this.socket.write(Buffer.concat(messages.map(frame)));
  }

  /** The next message; undefined where the peer ended the connection. Rejects when none of both happens in time. */
  async receive(timeoutMs = this.#timeoutMs): Promise<Buffer | undefined> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const message = this.#arrived.shift();
      if (message !== undefined) return message;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return undefined;
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no message came within ${timeoutMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Whether the connection ended in the middle of a message. */
  get cutShort(): boolean {
    return this.#ended && this.#frames.midFrame;
  }

  destroy(): void {
    this.socket.destroy();
  }
}

async function transfer(
  asked: Asked,
  kind: 'AXFR' | 'IXFR',
  serial: number | undefined,
  transport: 'udp' | 'tcp',
): Promise<Transferred> {
  const request = makeRequest(asked, TYPE[kind], serial);
  const inbound = new InboundTransfer({
    zone: wireOf(asked.zone),
    kind,
    id: request.id,
    udp: transport === 'udp',
    withoutAa: asked.withoutAa ?? false,
    ...(serial === undefined ? {} : { haveSerial: serial }),
  });
  const messages: Message[] = [];
  let octets = 0;
  const take = (bytes: Buffer): 'more' | 'done' => {
    const message = readMessage(bytes);
    request.verifier?.verify(bytes, message);
    messages.push(message);
    octets += bytes.length;
    return inbound.message(message);
  };
  if (transport === 'udp') {
    take(await exchangeOverUdp(asked, request.bytes));
  } else {
    const connection = await TestConnection.open(asked);
    try {
      connection.send(request.bytes);
      for (;;) {
        const bytes = await connection.receive();
        if (bytes === undefined || take(bytes) === 'done') break;
      }
    } finally {
      connection.destroy();
    }
  }
  const result = inbound.end();
  request.verifier?.finish();
  return { result, messages, octets };
}

/** The request's octets, signed where there is a key, with the verifier of its replies. */
function makeRequest(
  asked: Asked,
  type: number,
  serial?: number,
): { id: number; bytes: Buffer; verifier?: TsigVerifier } {
  const id = asked.id ?? randomInt(65_536);
  const plain = buildQuery({
    id,
    name: wireOf(asked.zone),
    type,
    ...(asked.edns === undefined ? {} : { edns: asked.edns }),
    ...(serial === undefined ? {} : { authoritySoa: serialSoa(serial) }),
  });
  if (asked.key === undefined) return { id, bytes: plain };
  const { bytes, mac } = signRequest(plain, asked.key, systemClock.now());
  return { id, bytes, verifier: new TsigVerifier(asked.key, mac, systemClock) };
}

async function exchangeOverUdp(peer: Peer, bytes: Buffer): Promise<Buffer> {
  const timeoutMs = peer.timeoutMs ?? 10_000;
  const socket = createSocket(peer.host.includes(':') ? 'udp6' : 'udp4');
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    if (peer.localAddress !== undefined) {
      socket.bind(0, peer.localAddress);
      await once(socket, 'listening', { signal });
    }
    socket.connect(peer.port, peer.host);
    await once(socket, 'connect', { signal });
    const reply = once(socket, 'message', { signal });
    socket.send(bytes);
    const [message] = (await reply) as [Buffer];
    return message;
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') {
      throw new Error(`no reply over UDP within ${timeoutMs} ms`);
    }
    throw error;
  } finally {
    socket.close();
  }
}

async function exchangeOverTcp(peer: Peer, bytes: Buffer): Promise<Buffer> {
  const connection = await TestConnection.open(peer);
  try {
    connection.send(bytes);
    const message = await connection.receive();
    if (message === undefined) throw new Error('the connection was ended without a reply');
    return message;
  } finally {
    connection.destroy();
  }
}

function wireOf(zone: string | Buffer): Buffer {
  return typeof zone === 'string' ? absoluteName(zone) : zone;
}
