import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { FrameReader, frame } from '../dns/framer.ts';
import { messageOf } from '../errors.ts';
import type { TlsAddress } from '../resolver-address.ts';
import { onAbort } from './aborts.ts';
import { AddressQuestion, type Judged, type Limits, type Reply } from './question.ts';
import { randomId } from './random.ts';
import { tlsProblem, trusted } from './secure.ts';
import type { Transport } from './transport.ts';
import type { Exchange } from './udp-pool.ts';

/** Milliseconds that a connection stands without a question (RFC 7858, 3.4), and that its making may take. */
const IDLE = 15_000;
const HANDSHAKE = 5_000;
/** Replies that nobody waits for, in a row, after which a connection is given up. */
const MOST_STRANGERS = 1_000;

/**
 * DNS over TLS (RFC 7858): one connection for all questions, which are sent without waiting for one another and answered in any order
 * (RFC 7766, 6.2.1.1), padded to whole blocks (RFC 8467). The certificate has to be for the name given, or for the IP address (RFC 8310,
 * 5 and 8.1: the strict profile).
 */
export class TlsTransport implements Transport {
  readonly #options: ConnectionOptions;
  #connection: Connection | undefined;
  #session: Buffer | undefined;
  #closed = false;

  constructor(address: TlsAddress, ca: string | undefined) {
    this.#options = {
      host: address.tls.ip,
      port: address.tls.port,
      ...(address.name === undefined ? {} : { servername: address.name }),
      ALPNProtocols: ['dot'],
      minVersion: 'TLSv1.2',
      ...trusted(ca),
    };
  }

  async ask(name: Buffer, type: number, limits: Limits): Promise<Reply> {
    limits.signal?.throwIfAborted();
    for (let again = false; ; again = true) {
      if (this.#closed) return { kind: 'failed', reason: 'unreachable', detail: 'the resolver is closed' };
      const question = new AddressQuestion({ name, type, mixCase: false, edns: true, padded: true }, limits);
      const isKept = this.#connection?.usable === true;
      const got = await this.#connected().ask(question);
      // A server may close a connection that it kept for long at any time: that says nothing (RFC 7766, 6.2.4).
      if (got.kind === 'unreachable' && isKept && !again) continue;
      return replyOf(question, got);
    }
  }

  close(): void {
    this.#closed = true;
    this.#connection?.end('the resolver is closed');
  }

  #connected(): Connection {
    if (this.#connection?.usable) return this.#connection;
    const session = this.#session;
    const socket = connect({ ...this.#options, ...(session ? { session } : {}) });
    socket.on('session', (ticket) => {
      this.#session = ticket;
    });
    this.#connection = new Connection(socket);
    return this.#connection;
  }
}

function replyOf(question: AddressQuestion, got: Exchange<Judged>): Reply {
  if (got.kind !== 'reply') return question.failure(got);
  const { reply } = got;
  if (reply.kind === 'addresses') return reply;
  if (reply.message.tc)
    return { kind: 'failed', reason: 'malformed', detail: 'the reply is truncated, over TLS' };
  return { kind: 'reply', message: reply.message };
}

interface Waiting {
  offer(reply: Buffer): boolean;
  fail(detail: string): void;
}

class Connection {
  readonly #socket: TLSSocket;
  readonly #frames = new FrameReader();
  readonly #waiting = new Map<number, Waiting>();
  #strangers = 0;
  #ended = false;
  #timer: NodeJS.Timeout;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('error', (error) => this.end(tlsProblem(error)));
    socket.on('close', () => this.end('the connection was closed without a reply'));
    socket.on('secureConnect', () => this.#rest());
    socket.on('data', (chunk) => this.#receive(chunk));
    this.#timer = setTimeout(() => this.end(`no TLS connection within ${HANDSHAKE / 1_000} s`), HANDSHAKE);
  }

  get usable(): boolean {
    return !this.#ended;
  }

  ask(question: AddressQuestion): Promise<Exchange<Judged>> {
    const { signal } = question;
    return new Promise((resolve, reject) => {
      const id = this.#freeId();
      const settle = (act: () => void) => {
        clearTimeout(timer);
        forget();
        this.#waiting.delete(id);
        act();
      };
      const abort = () => settle(() => reject(signal?.reason));
      const timer = setTimeout(() => settle(() => resolve({ kind: 'timeout' })), question.timeoutMs);
      const forget = onAbort(signal, abort);
      this.#waiting.set(id, {
        offer: (bytes) => {
          const reply = question.accept(bytes);
          if (reply !== undefined) settle(() => resolve({ kind: 'reply', reply }));
          return reply !== undefined;
        },
        fail: (detail) => settle(() => resolve({ kind: 'unreachable', detail })),
      });
      this.#socket.write(frame(question.build(id)));
    });
  }

  /** Closes it; what still waits gets `unreachable`. */
  end(detail: string): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#socket.destroy();
    for (const waiting of [...this.#waiting.values()]) waiting.fail(detail);
  }

  #receive(chunk: Buffer): void {
    try {
      for (const bytes of this.#frames.push(chunk)) {
        if (this.#waiting.get(bytes.readUInt16BE(0))?.offer(bytes)) this.#strangers = 0;
        else if (++this.#strangers === MOST_STRANGERS) this.end('it sends replies to no question');
      }
    } catch (error) {
      this.end(messageOf(error));
    }
    this.#rest();
  }

  /** Begins to count the time without a question. */
  #rest(): void {
    if (this.#ended) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => (this.#waiting.size === 0 ? this.end('idle') : this.#rest()),
      IDLE,
    ).unref();
  }

  #freeId(): number {
    for (;;) {
      const id = randomId();
      if (!this.#waiting.has(id)) return id;
    }
  }
}
