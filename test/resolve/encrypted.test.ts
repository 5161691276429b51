import { once } from 'node:events';
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { encodeUpstreamReply } from '../../src/demo/upstream.ts';
import { FrameReader, frame } from '../../src/dns/framer.ts';
import { type Message, readMessage } from '../../src/dns/message.ts';
import { parseRdata } from '../../src/dns/rdata/index.ts';
import { TYPE } from '../../src/dns/types.ts';
import { Resolver } from '../../src/resolve/resolver.ts';
import { parseResolver } from '../../src/resolver-address.ts';
import { Authority, type Certificate } from '../support/certificates.ts';

let authority: Authority;
let certificate: Certificate;
beforeAll(async () => {
  authority = await Authority.make();
  certificate = await authority.issue('resolver.test');
});
afterAll(() => authority.remove());

let resolver: Resolver;
afterEach(() => resolver?.close());

function resolverAt(text: string, timeoutMs = 5_000): Resolver {
  const address = parseResolver(text);
  if (address === undefined) throw new Error(text);
  resolver = new Resolver({ servers: [address], timeoutMs, tries: 1, ca: authority.ca, clock: systemClock });
  return resolver;
}

function answerTo(query: Message, address = '203.0.113.1'): Buffer {
  const { name, type } = query.questions[0]!;
  const answers = [{ name, type, ttl: 60, rdata: parseRdata(TYPE.A, address) }];
  return encodeUpstreamReply(query, { rcode: 0, answers, negative: false }, 'tcp');
}

describe('over TLS', () => {
  let server: Server;
  let port: number;
  let connections: TLSSocket[];
  let onQuery: (query: Message, send: (reply: Buffer) => void, connection: TLSSocket, octets: number) => void;
  beforeEach(async () => {
    connections = [];
    onQuery = (query, send) => send(answerTo(query));
    server = createServer({ cert: certificate.cert, key: certificate.key }, (connection) => {
      connections.push(connection);
      const frames = new FrameReader();
      connection.on('error', () => {});
      connection.on('data', (chunk) => {
        for (const bytes of frames.push(chunk))
          onQuery(readMessage(bytes), (reply) => connection.write(frame(reply)), connection, bytes.length);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as { port: number }).port;
  });
  afterEach(async () => {
    await resolver.close();
    for (const connection of connections) connection.destroy();
    server.close();
  });

  test('RFC 7858, 3.4; RFC 7766, 6.2.1.1: many questions share a connection, and replies may come in any order', async () => {
    const held: (() => void)[] = [];
    onQuery = (query, send) => {
      const number = Number(/t(\d+)/.exec(query.questions[0]!.name.toString('latin1'))?.[1]);
      held.push(() => send(answerTo(query, `203.0.113.${number}`)));
      if (held.length === 100) for (const act of held.splice(0).reverse()) act();
    };
    const stub = resolverAt(`tls://127.0.0.1:${port}`);
    const looks = await Promise.all(
      Array.from({ length: 100 }, (_, number) => stub.look(`t${number}.example.net.`, 'A')),
    );
    looks.forEach((look, number) => {
      expect(look.outcome).toHaveProperty('addresses', [`203.0.113.${number}`]);
    });
    expect(connections).toHaveLength(1);
  });

  test('RFC 8467, 4.1: queries are whole blocks of 128 octets', async () => {
    const lengths: number[] = [];
    onQuery = (query, send, _, octets) => {
      lengths.push(octets);
      send(answerTo(query));
    };
    const stub = resolverAt(`tls://127.0.0.1:${port}`);
    await stub.look('a.example.net.', 'A');
    await stub.look(`${'long'.repeat(15)}.${'long'.repeat(15)}.example.net.`, 'A');
    expect(lengths).toEqual([128, 256]);
  });

  test('RFC 7766, 6.2.4: a connection that the server closes costs no answer', async () => {
    const stub = resolverAt(`tls://127.0.0.1:${port}`);
    expect((await stub.look('a.example.net.', 'A')).outcome.kind).toBe('found');
    onQuery = (query, send, connection) => {
      if (connection === connections[0]) connection.destroy();
      else send(answerTo(query));
    };
    expect((await stub.look('b.example.net.', 'A')).outcome.kind).toBe('found');
    expect(connections).toHaveLength(2);
  });

  test('replies to no question, or to another one, are passed over', async () => {
    onQuery = (query, send) => {
      send(answerTo({ ...query, id: query.id ^ 1 }, '192.0.2.66'));
      const wire = Buffer.from(query.questions[0]!.wire);
      wire[1]! ^= 1;
      const name = wire.subarray(0, -4);
      send(answerTo({ ...query, questions: [{ ...query.questions[0]!, name, wire }] }, '192.0.2.66'));
      send(answerTo(query));
    };
    const look = await resolverAt(`tls://127.0.0.1:${port}`).look('a.example.net.', 'A');
    expect(look.outcome).toHaveProperty('addresses', ['203.0.113.1']);
  });

  test('a certificate that has expired, or is for another name, is said so; silence is a timeout', async () => {
    const other = await authority.issue('other.test', 'DNS:other.test');
    server.setSecureContext({ cert: other.cert, key: other.key });
    expect((await resolverAt(`tls://127.0.0.1:${port}`).look('a.example.net.', 'A')).outcome).toMatchObject({
      reason: 'unreachable',
      detail: expect.stringContaining('its certificate is not for 127.0.0.1, but for DNS:other.test'),
    });
    const named = await resolverAt(`tls://127.0.0.1:${port}#other.test`).look('a.example.net.', 'A');
    expect(named.outcome.kind).toBe('found');
    onQuery = () => {};
    expect(
      (await resolverAt(`tls://127.0.0.1:${port}#other.test`, 200).look('a.example.net.', 'A')).outcome,
    ).toMatchObject({
      reason: 'timeout',
    });
  });
});

describe('over HTTPS', () => {
  let server: Http2SecureServer;
  let port: number;
  let sessions: Set<ServerHttp2Session>;
  let respond: (
    query: Message,
  ) => { status?: number; headers?: Record<string, string>; body: Buffer } | undefined;
  const asked: { path: string | undefined; type: string | undefined; octets: number; id: number }[] = [];
  beforeEach(async () => {
    asked.length = 0;
    sessions = new Set();
    respond = (query) => ({ body: answerTo(query) });
    server = createSecureServer({ cert: certificate.cert, key: certificate.key });
    server.on('session', (session) => sessions.add(session));
    server.on('stream', (stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on('error', () => {});
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const bytes = Buffer.concat(chunks);
        const query = readMessage(bytes);
        asked.push({
          path: headers[':path'],
          type: headers['content-type'],
          octets: bytes.length,
          id: query.id,
        });
        const given = respond(query);
        if (given === undefined || stream.destroyed) return;
        stream.respond({
          ':status': given.status ?? 200,
          'content-type': 'application/dns-message',
          ...given.headers,
        });
        stream.end(given.body);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as { port: number }).port;
  });
  afterEach(async () => {
    await resolver.close();
    for (const session of sessions) session.destroy();
    server.close();
  });
  const at = () => `https://127.0.0.1:${port}/dns-query`;

  test('RFC 8484, 4.1: POST, padded, id 0; one connection for all; RFC 8484, 5.1: Age counts', async () => {
    respond = (query) => ({ body: answerTo(query), headers: { age: '25' } });
    const stub = resolverAt(at());
    const looks = await Promise.all(
      Array.from({ length: 50 }, (_, number) => stub.look(`t${number}.example.net.`, 'A')),
    );
    for (const { outcome } of looks) expect(outcome).toMatchObject({ kind: 'found', ttl: 35 });
    expect(asked).toHaveLength(50);
    expect(new Set(asked.map((one) => JSON.stringify(one)))).toEqual(
      new Set([JSON.stringify({ path: '/dns-query', type: 'application/dns-message', octets: 128, id: 0 })]),
    );
    expect(sessions.size).toBe(1);
  });

  test('a connection that the server closed is made again', async () => {
    const stub = resolverAt(at());
    expect((await stub.look('a.example.net.', 'A')).outcome.kind).toBe('found');
    for (const session of sessions) session.destroy();
    expect((await stub.look('b.example.net.', 'A')).outcome.kind).toBe('found');
    expect(sessions.size).toBe(2);
  });

  test.each([
    ['a status', { status: 503, body: Buffer.from('no') }, 'HTTP status 503'],
    ['a page', { headers: { 'content-type': 'text/html' }, body: Buffer.from('<p>') }, 'text/html'],
    ['too much', { body: Buffer.alloc(70_000) }, 'longer than a message'],
    ['rubbish', { body: Buffer.alloc(40, 0xff) }, 'no usable reply'],
  ])('%s in place of an answer is a failure in words', async (_, given, words) => {
    respond = () => given;
    const { outcome } = await resolverAt(at()).look('a.example.net.', 'A');
    expect(outcome).toMatchObject({ kind: 'failed' });
    expect(outcome).toHaveProperty('detail', expect.stringContaining(words));
  });

  test('silence is a timeout, and the next question is none', async () => {
    respond = () => undefined;
    const stub = resolverAt(at(), 300);
    expect((await stub.look('a.example.net.', 'A')).outcome).toMatchObject({ reason: 'timeout' });
    respond = (query) => ({ body: answerTo(query) });
    expect((await stub.look('a.example.net.', 'A')).outcome.kind).toBe('found');
  });
});
