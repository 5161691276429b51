import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { FrameReader, frame } from '../../src/dns/framer.ts';
import { FLAG, headerFlags, readMessage } from '../../src/dns/message.ts';
import { absoluteName, formatName } from '../../src/dns/name.ts';
import { parseRdata } from '../../src/dns/rdata/index.ts';
import { TYPE } from '../../src/dns/types.ts';
import { MessageWriter, type Section } from '../../src/dns/writer.ts';
import { Resolver } from '../../src/resolve/resolver.ts';

const NAME = 'target.example.';
const GOOD = '192.0.2.1';
const POISON = '203.0.113.66';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

type Lie = (
  query: Buffer,
  reply: (bytes: Buffer) => void,
  transport: 'udp' | 'tcp',
  from?: RemoteInfo,
) => void;

/** An upstream that answers as it likes, over UDP and TCP on one port; a resolver that asks it alone. */
async function lying(lie: Lie): Promise<{ resolver: Resolver; asked: { query: Buffer; port: number }[] }> {
  const asked: { query: Buffer; port: number }[] = [];
  const tcp: Server = createServer((socket) => {
    const frames = new FrameReader();
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      for (const query of frames.push(chunk)) lie(query, (bytes) => socket.write(frame(bytes)), 'tcp');
    });
  }).listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket('udp4').bind(port, '127.0.0.1');
  await once(udp, 'listening');
  udp.on('message', (query, from) => {
    asked.push({ query, port: from.port });
    lie(query, (bytes) => udp.send(bytes, from.port, from.address), 'udp', from);
  });
  const resolver = new Resolver({
    servers: [{ ip: '127.0.0.1', port }],
    timeoutMs: 1_000,
    tries: 1,
    clock: systemClock,
  });
  open.push({ close: () => udp.close() }, { close: () => tcp.close() }, resolver);
  return { resolver, asked };
}

/** A reply to a query with these records. */
function replyTo(
  query: Buffer,
  records: readonly (readonly [section: Section, owner: string, type: 'A' | 'CNAME' | 'NS', text: string])[],
): Buffer {
  const { id, questions } = readMessage(query);
  const writer = new MessageWriter({ limit: 65_535 }).header({
    id,
    flags: headerFlags({ qr: true, rd: true, ra: true }),
  });
  writer.question(questions[0]!.wire);
  for (const [section, owner, type, text] of records)
    writer.record(absoluteName(owner), TYPE[type], 1, 60, parseRdata(TYPE[type], text), section);
  return writer.finish();
}

const honest = (query: Buffer) => replyTo(query, [['answer', NAME, 'A', GOOD]]);

test('RFC 5452: of hundreds of questions no two share port and id, and the case of the name is theirs alone', async () => {
  const { resolver, asked } = await lying((query, reply) => reply(honest(query)));
  for (let count = 0; count < 300; count++) await resolver.look(NAME, 'A');
  const seen = asked.map(({ query, port }) => `${port} ${query.readUInt16BE(0)}`);
  expect(new Set(seen).size).toBe(300);
  expect(new Set(asked.map(({ port }) => port)).size).toBeGreaterThanOrEqual(8);
  expect(new Set(asked.map(({ query }) => query.readUInt16BE(0))).size).toBeGreaterThan(280);
  expect(
    new Set(asked.map(({ query }) => formatName(readMessage(query).questions[0]!.name))).size,
  ).toBeGreaterThan(200);
});

test('RFC 5452, 9.1: ids come in no order, on no socket', async () => {
  const { resolver, asked } = await lying((query, reply) => reply(honest(query)));
  for (let count = 0; count < 300; count++) await resolver.look(NAME, 'A');
  const byPort = Map.groupBy(asked, ({ port }) => port);
  const steps = [...byPort.values(), asked].flatMap((some) => {
    const ids = some.map(({ query }) => query.readUInt16BE(0));
    return ids.slice(1).map((id, index) => (id - (ids[index] ?? 0)) & 0xffff);
  });
  // of some six hundred steps by chance hardly two are alike, and one in a hundred is short
  expect(new Set(steps).size).toBeGreaterThan(500);
  expect(steps.filter((step) => step < 656).length).toBeLessThan(40);
});

test('what stands in the authority and additional sections is never an address of the target', async () => {
  const { resolver } = await lying((query, reply) =>
    reply(
      replyTo(query, [
        ['answer', NAME, 'A', GOOD],
        ['authority', NAME, 'NS', 'ns.evil.example.'],
        ['additional', NAME, 'A', POISON],
        ['additional', 'ns.evil.example.', 'A', POISON],
      ]),
    ),
  );
  expect((await resolver.look(NAME, 'A')).outcome).toMatchObject({ kind: 'found', addresses: [GOOD] });
});

test('an answer without an address has none, whatever its other sections say', async () => {
  const { resolver } = await lying((query, reply) =>
    reply(replyTo(query, [['additional', NAME, 'A', POISON]])),
  );
  expect((await resolver.look(NAME, 'A')).outcome).not.toMatchObject({ kind: 'found' });
});

test('only what the chain from the name proves is taken', async () => {
  const { resolver } = await lying((query, reply) =>
    reply(
      replyTo(query, [
        ['answer', 'other.example.', 'A', POISON],
        ['answer', NAME, 'CNAME', 'edge.example.'],
        ['answer', 'other.example.', 'CNAME', 'edge.example.'],
        ['answer', 'edge.example.', 'A', GOOD],
        ['answer', `www.${NAME}`, 'A', POISON],
      ]),
    ),
  );
  const { outcome, chain } = await resolver.look(NAME, 'A');
  expect(outcome).toMatchObject({ kind: 'found', addresses: [GOOD] });
  expect(chain).toMatchObject([{ name: 'edge.example.' }]);
});

test.each([
  ['another id', (good: Buffer) => Buffer.concat([Buffer.from([good[0]! ^ 1]), good.subarray(1)])],
  ['another question', (good: Buffer) => replaced(good, 'target', 'forget')],
  ['a question of another type', (good: Buffer) => replacedAt(good, typeAt, TYPE.AAAA)],
  ['a question of another class', (good: Buffer) => replacedAt(good, typeAt + 2, 3)],
  ['no QR bit', (good: Buffer) => withFlags(good, good.readUInt16BE(2) & ~FLAG.QR)],
  ['another opcode', (good: Buffer) => withFlags(good, good.readUInt16BE(2) | 0x2000)],
])('a reply with %s is passed over, and the right one behind it counts', async (_what, forge) => {
  const { resolver } = await lying((query, reply) => {
    reply(forge(replyTo(query, [['answer', NAME, 'A', POISON]])));
    setTimeout(() => reply(honest(query)), 50);
  });
  expect((await resolver.look(NAME, 'A')).outcome).toMatchObject({ kind: 'found', addresses: [GOOD] });
});

test('who guesses ids by the hundred is not waited for: the question goes to TCP, where nothing is guessed', async () => {
  const { resolver } = await lying((query, reply, transport) => {
    if (transport === 'tcp') return reply(honest(query));
    const forged = replyTo(query, [['answer', NAME, 'A', POISON]]);
    const id = forged.readUInt16BE(0);
    for (let guess = 1; guess <= 400; guess++) {
      const other = Buffer.from(forged);
      other.writeUInt16BE((id + guess) & 0xffff, 0);
      reply(other);
    }
    // the guess that is right comes too late
    setTimeout(() => reply(forged), 200);
  });
  expect((await resolver.look(NAME, 'A')).outcome).toMatchObject({ kind: 'found', addresses: [GOOD] });
});

function withFlags(bytes: Buffer, flags: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt16BE(flags & 0xffff, 2);
  return copy;
}

/** Where the type of the question stands, before its class. */
const typeAt = 12 + absoluteName(NAME).length;

function replacedAt(bytes: Buffer, at: number, word: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt16BE(word, at);
  return copy;
}

/** Octets replaced, whatever their case. */
function replaced(bytes: Buffer, what: string, by: string): Buffer {
  const at = bytes.toString('latin1').toLowerCase().indexOf(what);
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(by), bytes.subarray(at + what.length)]);
}
