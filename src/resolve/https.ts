import type { SecureClientSessionOptions } from 'node:http2';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2';
import { LONGEST_MESSAGE } from '../dns/framer.ts';
import { oneLine } from '../errors.ts';
import type { HttpsAddress } from '../resolver-address.ts';
import { onAbort } from './aborts.ts';
import { AddressQuestion, type Limits, type Reply } from './question.ts';
import { tlsProblem, trusted } from './secure.ts';
import type { Transport } from './transport.ts';

const MEDIA_TYPE = 'application/dns-message';
/** Milliseconds that a connection stands without a question, and that its making may take. */
const IDLE = 30_000;
const HANDSHAKE = 5_000;
/** The same id in each message, as the stream tells replies apart (RFC 8484, 4.1). */
const ID = 0;

type Fetched =
  | { kind: 'body'; body: Buffer; age: number }
  | { kind: 'timeout' }
  /** `unprocessed`: the server did nothing with it, so it may be put again (RFC 9113, 8.7). */
  | { kind: 'unreachable'; detail: string; unprocessed: boolean };

/**
 * DNS over HTTPS (RFC 8484) by POST over one HTTP/2 connection for all questions, padded. A name in the URL is looked up by the system's
 * resolvers when the connection is made; the certificate has to be for it, or for the IP address that stands there.
 */
export class HttpsTransport implements Transport {
  readonly #url: URL;
  readonly #options: SecureClientSessionOptions;
  #session: ClientHttp2Session | undefined;
  /** Why the connection could not be made, or was lost. */
  #problem = 'the connection was closed without a reply';
  #closed = false;

  constructor(address: HttpsAddress, ca: string | undefined) {
    this.#url = new URL(address.https);
    this.#options = { ...trusted(ca), minVersion: 'TLSv1.2', settings: { enablePush: false } };
  }

  async ask(name: Buffer, type: number, limits: Limits): Promise<Reply> {
    limits.signal?.throwIfAborted();
    const question = new AddressQuestion({ name, type, mixCase: false, edns: true, padded: true }, limits);
    const query = question.build(ID);
    for (let again = false; ; again = true) {
      if (this.#closed) return { kind: 'failed', reason: 'unreachable', detail: 'the resolver is closed' };
      const got = await this.#fetch(query, limits);
      if (got.kind === 'unreachable' && got.unprocessed && !again) continue;
      return got.kind === 'body' ? readReply(question, got) : question.failure(got);
    }
  }

  close(): void {
    this.#closed = true;
    this.#session?.destroy();
  }

  #fetch(query: Buffer, { timeoutMs, signal }: Limits): Promise<Fetched> {
    const session = this.#connected();
    const wasReady = !session.connecting;
    return new Promise((resolve, reject) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': this.#url.pathname,
        'content-type': MEDIA_TYPE,
        accept: MEDIA_TYPE,
        'content-length': query.length,
      });
      const settle = (act: () => void) => {
        clearTimeout(timer);
        forget();
        if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL);
        act();
      };
      const lost = (error?: Error) => {
        // What ended the connection reaches the stream first.
        if (session.destroyed && error) this.#problem = tlsProblem(error.cause ?? error);
        const refused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
        const unprocessed = refused || (wasReady && session.destroyed);
        settle(() => resolve({ kind: 'unreachable', detail: this.#problem, unprocessed }));
      };
      const abort = () => settle(() => reject(signal?.reason));
      const timer = setTimeout(() => settle(() => resolve({ kind: 'timeout' })), timeoutMs);
      const forget = onAbort(signal, abort);
      stream.on('error', lost);
      stream.on('close', () => lost());
      collect(stream, (got) => settle(() => resolve(got)));
      stream.end(query);
    });
  }

  #connected(): ClientHttp2Session {
    const present = this.#session;
    if (present !== undefined && !present.closed && !present.destroyed) return present;
    const session = connect(this.#url.origin, this.#options);
    const late = setTimeout(() => {
      this.#problem = `no TLS connection within ${HANDSHAKE / 1_000} s`;
      session.destroy();
    }, HANDSHAKE);
    session.on('connect', () => {
      clearTimeout(late);
      this.#problem = 'the connection was closed without a reply';
      session.unref();
    });
    session.on('error', (error) => {
      this.#problem = tlsProblem(error);
    });
    session.on('close', () => clearTimeout(late));
    session.setTimeout(IDLE, () => session.close());
    this.#session = session;
    return session;
  }
}

/** Takes head and body of a response, and nothing longer than a message. */
function collect(stream: ClientHttp2Stream, done: (got: Fetched) => void): void {
  const fail = (detail: string) => done({ kind: 'unreachable', detail, unprocessed: false });
  const chunks: Buffer[] = [];
  let length = 0;
  let head: IncomingHttpHeaders & IncomingHttpStatusHeader = {};
  stream.on('response', (headers) => {
    head = headers;
    const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
    if (headers[':status'] !== 200) fail(`it answers with the HTTP status ${headers[':status']}`);
    else if (type !== MEDIA_TYPE)
      fail(`it answers with ${oneLine(type ?? 'no media type', 100)}, not with ${MEDIA_TYPE}`);
  });
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > LONGEST_MESSAGE) fail(`its answer is longer than a message of ${LONGEST_MESSAGE} octets`);
    else chunks.push(chunk);
  });
  stream.on('end', () => {
    const age = /^\d{1,9}$/.test(head.age ?? '') ? Number(head.age) : 0;
    if (head[':status'] === 200) done({ kind: 'body', body: Buffer.concat(chunks), age });
  });
}

function readReply(question: AddressQuestion, { body, age }: { body: Buffer; age: number }): Reply {
  const reply = question.accept(body);
  if (reply === undefined) return question.failure({ kind: 'timeout' });
  // The time in caches of HTTP counts as well (RFC 8484, 5.1).
  if (reply.kind === 'addresses') {
    reply.addresses.ttl = Math.max(0, reply.addresses.ttl - age);
    return reply;
  }
  const { message } = reply;
  for (const record of [...message.answers, ...message.authorities])
    record.ttl = Math.max(0, record.ttl - age);
  if (message.tc)
    return { kind: 'failed', reason: 'malformed', detail: 'the reply is truncated, over HTTPS' };
  return { kind: 'reply', message };
}
