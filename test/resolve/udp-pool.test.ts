import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Question, UdpPool } from '../../src/resolve/udp-pool.ts';

let server: Socket;
let ports: Set<number>;
let pool: UdpPool;
let answer: (bytes: Buffer, from: RemoteInfo) => void;
beforeEach(async () => {
  ports = new Set();
  answer = (bytes, from) => server.send(bytes, from.port, from.address);
  server = createSocket('udp4').bind(0, '127.0.0.1');
  await once(server, 'listening');
  server.on('message', (bytes, from) => {
    ports.add(from.port);
    answer(bytes, from);
  });
});
afterEach(() => {
  pool.close();
  server.close();
});

function start(options: { sockets?: number; questionsPerSocket?: number; localAddress?: string } = {}): void {
  pool = new UdpPool({ remote: { ip: '127.0.0.1', port: server.address().port }, ...options });
}

/** A header with this id and a mark; any reply with the mark is taken. */
function question(mark = 1, timeoutMs = 2_000): Question<Buffer> {
  return {
    build: (id) => {
      const bytes = Buffer.alloc(13, mark);
      bytes.writeUInt16BE(id, 0);
      return bytes;
    },
    accept: (bytes) => (bytes.at(12) === mark ? Buffer.from(bytes) : undefined),
    timeoutMs,
  };
}

test('RFC 5452, 9.2: questions leave from several random ports, each given up after a bounded number', async () => {
  start({ sockets: 2, questionsPerSocket: 5 });
  for (let count = 0; count < 40; count++) {
    expect((await pool.ask(question())).kind).toBe('reply');
  }
  expect(ports.size).toBeGreaterThanOrEqual(8);
  expect(ports.size).toBeLessThanOrEqual(10);
});

test('a port that is given up still takes the replies it waits for', async () => {
  start({ sockets: 1, questionsPerSocket: 1 });
  answer = (bytes, from) => setTimeout(() => server.send(bytes, from.port, from.address), 50);
  const asked = await Promise.all(Array.from({ length: 10 }, () => pool.ask(question())));
  expect(asked.map(({ kind }) => kind)).toEqual(Array(10).fill('reply'));
  expect(ports.size).toBe(10);
});

test('a reply from another source is not seen, whatever it says', async () => {
  start();
  const forger = createSocket('udp4').bind(0, '127.0.0.1');
  await once(forger, 'listening');
  answer = (bytes, from) => forger.send(bytes, from.port, from.address);
  expect((await pool.ask(question(1, 100))).kind).toBe('timeout');
  forger.close();
});

test('a reply with another id, or one that is not accepted, does not end the wait', async () => {
  start();
  answer = (bytes, from) => {
    const otherId = Buffer.from(bytes);
    otherId[0]! ^= 0xff;
    const otherMark = Buffer.from(bytes).fill(9, 12);
    for (const reply of [otherId, otherMark, bytes.subarray(0, 2), bytes])
      server.send(reply, from.port, from.address);
  };
  expect((await pool.ask(question())).kind).toBe('reply');
});

test('questions come from the local address that is given', async () => {
  start({ localAddress: '127.0.0.9' });
  const sources: string[] = [];
  answer = (bytes, from) => {
    sources.push(from.address);
    server.send(bytes, from.port, from.address);
  };
  expect((await pool.ask(question())).kind).toBe('reply');
  expect(sources).toEqual(['127.0.0.9']);
});

test('an address that this machine does not have is unreachable, in words', async () => {
  start({ localAddress: '192.0.2.1' });
  expect(await pool.ask(question())).toEqual({
    kind: 'unreachable',
    detail: expect.stringContaining('EADDRNOTAVAIL'),
  });
});

test('closing ends what waits', async () => {
  start();
  answer = () => pool.close();
  expect((await pool.ask(question(1, 60_000))).kind).toBe('unreachable');
  expect((await pool.ask(question())).kind).toBe('unreachable');
});

test('what is given up before it was sent is not sent', async () => {
  start();
  expect((await pool.ask(question())).kind).toBe('reply');
  ports.clear();
  const given = new AbortController();
  const asked = pool.ask({ ...question(), signal: given.signal });
  given.abort(new Error('given up'));
  await expect(asked).rejects.toThrow('given up');
  expect((await pool.ask(question())).kind).toBe('reply');
  expect(ports.size).toBe(1);
});
