/** The short way of plain requests gives what the long way gives, to the octet. */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import fc from 'fast-check';
import { beforeEach, expect, test, vi } from 'vitest';
import { FrameReader, frame } from '../../src/dns/framer.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { buildQuery } from '../../src/dns/query.ts';
import { encodeSoa } from '../../src/dns/rdata/index.ts';
import { TYPE } from '../../src/dns/types.ts';
import { readPlainQuestion } from '../../src/transfer/plain/question.ts';
import { parseRequest } from '../../src/transfer/request.ts';
import type { VersionSource } from '../../src/transfer/source.ts';
import { axfr } from '../support/transfer-client.ts';
import { type Running, SMALL_ZONE, startServer } from './harness.ts';

let short: Running;
let long: Running;
beforeEach(async () => {
  [short, long] = [await startServer(), await startServer()];
  for (const server of [short, long]) {
    server.zones.add('example.com.', SMALL_ZONE, 7);
    server.zones.add('other.test.', SMALL_ZONE);
    server.zones.add('held.test.', SMALL_ZONE);
    server.zones.unpublish('held.test.');
    server.registry.add('s', { zones: new Set(['example.com.', 'held.test.', 'missing.test.']) });
    server.zones.change('example.com.', { delete: ['@ 300 A 192.0.2.1'], add: ['@ 300 A 192.0.2.2'] }, 8);
    // renders what a transfer can be given of at once
    await axfr({ ...server.at, zone: 'example.com.' });
    await overTcp(server.at.port, ixfr('example.com.', 7));
    server.served.splice(0);
    server.log.lines.splice(0);
  }
  short.zones.remembers = true;
});

function query(name: string, type: number, change: (bytes: Buffer) => Buffer = (bytes) => bytes): Buffer {
  return change(buildQuery({ id: 4711, name: absoluteName(name), type }));
}

/** Asked with the client's SOA as secondaries write it, or with its owner compressed. */
function ixfr(name: string, serial: number, change: (bytes: Buffer) => Buffer = (bytes) => bytes): Buffer {
  const soa = encodeSoa({
    mname: absoluteName('ns1.example.net.'),
    rname: absoluteName('hostmaster.example.net.'),
    serial,
    refresh: 1,
    retry: 2,
    expire: 3,
    minimum: 4,
  });
  return change(buildQuery({ id: 4711, name: absoluteName(name), type: TYPE.IXFR, authoritySoa: soa }));
}

/** Adds an OPT record with these fields. */
function withOpt(size: number, ttl: number, options = Buffer.alloc(0)): (bytes: Buffer) => Buffer {
  return (bytes) => {
    const opt = Buffer.alloc(11);
    opt.writeUInt16BE(TYPE.OPT, 1);
    opt.writeUInt16BE(size, 3);
    opt.writeUInt32BE(ttl, 5);
    opt.writeUInt16BE(options.length, 9);
    const whole = Buffer.concat([bytes, opt, options]);
    whole.writeUInt16BE(whole.readUInt16BE(10) + 1, 10);
    return whole;
  };
}

const set = (at: number, octet: number) => (bytes: Buffer) => {
  const copy = Buffer.from(bytes);
  copy[at] = octet;
  return copy;
};

const REQUESTS: [what: string, bytes: Buffer][] = [
  ['SOA', query('example.com.', TYPE.SOA)],
  ['SOA, RD and the case kept', query('eXample.COM.', TYPE.SOA, set(2, 1))],
  ['SOA with AD and CD', query('example.com.', TYPE.SOA, set(3, 0x30))],
  ['SOA with RA', query('example.com.', TYPE.SOA, set(3, 0x80))],
  ['SOA with TC', query('example.com.', TYPE.SOA, set(2, 2))],
  ['a reply', query('example.com.', TYPE.SOA, set(2, 0x80))],
  ['NOTIFY', query('example.com.', TYPE.SOA, set(2, 0x20))],
  ['UPDATE', query('example.com.', TYPE.SOA, set(2, 0x28))],
  ['SOA as BIND asks', query('example.com.', TYPE.SOA, withOpt(2048, 0, Buffer.from([0, 9, 0, 0])))],
  ['SOA as PowerDNS asks', query('example.com.', TYPE.SOA, withOpt(2800, 0x8000))],
  ['EDNS of 100 octets', query('example.com.', TYPE.SOA, withOpt(100, 0))],
  ['EDNS version 1', query('example.com.', TYPE.SOA, withOpt(1232, 0x10000))],
  ['an extended rcode', query('example.com.', TYPE.SOA, withOpt(1232, 0x1000000))],
  ['unknown flags of EDNS', query('example.com.', TYPE.SOA, withOpt(1232, 1))],
  [
    'a cookie',
    query('example.com.', TYPE.SOA, withOpt(1232, 0, Buffer.from('000a00081122334455667788', 'hex'))),
  ],
  [
    'a wrong cookie',
    query('example.com.', TYPE.SOA, withOpt(1232, 0, Buffer.from('000a000411223344', 'hex'))),
  ],
  ['keepalive', query('example.com.', TYPE.SOA, withOpt(1232, 0, Buffer.from([0, 11, 0, 0])))],
  ['two OPT', query('example.com.', TYPE.SOA, (bytes) => withOpt(1232, 0)(withOpt(1232, 0)(bytes)))],
  ['an octet too many', query('example.com.', TYPE.SOA, (bytes) => Buffer.concat([bytes, Buffer.alloc(1)]))],
  ['an octet too few', query('example.com.', TYPE.SOA, (bytes) => bytes.subarray(0, -1))],
  ['class CH', query('example.com.', TYPE.SOA, (bytes) => set(bytes.length - 1, 3)(bytes))],
  ['A', query('example.com.', TYPE.A)],
  ['two questions', query('example.com.', TYPE.SOA, set(5, 2))],
  ['a compressed name', Buffer.from('126700000001000000000000c00c00060001', 'hex')],
  ['a zone that is not theirs', query('other.test.', TYPE.SOA)],
  ['a zone without a version', query('held.test.', TYPE.SOA)],
  ['no zone', query('missing.test.', TYPE.SOA)],
  ['a name below', query('www.example.com.', TYPE.SOA)],
  ['AXFR', query('example.com.', TYPE.AXFR)],
  ['AXFR as Knot asks', query('Example.com.', TYPE.AXFR, withOpt(1232, 0, Buffer.from([0, 9, 0, 0])))],
  ['AXFR of a zone that is not theirs', query('other.test.', TYPE.AXFR)],
  ['IXFR', ixfr('example.com.', 7)],
  ['IXFR as Knot asks', ixfr('Example.com.', 7, withOpt(1232, 0, Buffer.from([0, 9, 0, 0])))],
  ['IXFR of who has it', ixfr('example.com.', 8)],
  ['IXFR of who is ahead', ixfr('example.com.', 9)],
  ['IXFR without a history', ixfr('example.com.', 5)],
  ['IXFR of a serial neither older nor newer', ixfr('example.com.', 8 + 2 ** 31)],
  ['IXFR of a zone that is not theirs', ixfr('other.test.', 1)],
  ['IXFR without its SOA', query('example.com.', TYPE.IXFR)],
  ["IXFR with another zone's SOA", ixfr('example.com.', 7, (bytes) => set(bytes.length - 70, 9)(bytes))],
  [
    "IXFR with another zone's SOA, written out",
    ixfr('example.com.', 7, (bytes) => {
      // in place of the pointer to the question
      const at = bytes.indexOf(Buffer.from([0xc0, 12]));
      return Buffer.concat([bytes.subarray(0, at), absoluteName('other.test.'), bytes.subarray(at + 2)]);
    }),
  ],
  ['IXFR with half a SOA', ixfr('example.com.', 7, (bytes) => bytes.subarray(0, -9))],
  ['AXFR with a SOA', ixfr('example.com.', 7, (bytes) => set(12 + 13 + 1, 252)(bytes))],
];

/** What comes back over UDP; to replies, nothing within a moment. */
function overUdp(port: number, bytes: Buffer): Promise<string> {
  const isAnswered = bytes.length >= 12 && bytes[2]! < 0x80;
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const timer = setTimeout(() => end('nothing'), isAnswered ? 10_000 : 150);
    const end = (text: string) => {
      clearTimeout(timer);
      socket.close();
      resolve(text);
    };
    socket.on('message', (reply) => end(reply.toString('hex')));
    socket.send(bytes, port, '127.0.0.1');
  });
}

/** All that comes back over TCP, the client's side being closed after its requests. */
function overTcp(port: number, ...requests: Buffer[]): Promise<string[]> {
  return new Promise((resolve) => {
    const frames = new FrameReader();
    const replies: string[] = [];
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('data', (chunk) => replies.push(...frames.push(chunk).map((reply) => reply.toString('hex'))));
    socket.on('close', () => resolve(replies));
    socket.on('end', () => socket.destroy());
    socket.on('error', () => {});
    socket.end(Buffer.concat(requests.map(frame)));
  });
}

const told = ({ served, log }: Running) => ({
  served: served.map(({ port: _port, ms: _ms, startedAt: _at, version, ...rest }) => ({
    ...rest,
    change: version.change,
  })),
  lines: log.lines.map(({ level, message }) => `${level} ${message.replace(/#\d+|[\d.]+ secs/g, '')}`),
});

test.each(REQUESTS)('%s, over UDP and TCP', async (_what, bytes) => {
  expect(await overUdp(short.at.port, bytes)).toBe(await overUdp(long.at.port, bytes));
  expect(await overTcp(short.at.port, bytes)).toEqual(await overTcp(long.at.port, bytes));
  await vi.waitFor(() => expect(told(short)).toEqual(told(long)));
});

test('all at once on one connection come back in their order', async () => {
  const requests = REQUESTS.map(([, bytes]) => bytes).filter((bytes) => bytes.length >= 12);
  expect(await overTcp(short.at.port, ...requests)).toEqual(await overTcp(long.at.port, ...requests));
});

test('the short way is taken, by a new version too', async () => {
  let asked = 0;
  // the long way asks before all else
  (short.zones as VersionSource).fresh = () => {
    asked++;
    return undefined;
  };
  const isSame = async (bytes: Buffer) =>
    expect(await overTcp(short.at.port, bytes)).toEqual(await overTcp(long.at.port, bytes));
  await overUdp(short.at.port, query('example.com.', TYPE.SOA));
  await isSame(query('example.com.', TYPE.AXFR));
  await isSame(ixfr('example.com.', 7));
  await isSame(ixfr('example.com.', 8));
  expect(asked).toBe(0);

  for (const { zones } of [short, long]) zones.change('example.com.', { add: ['new 300 A 192.0.2.9'] });
  expect(await overUdp(short.at.port, query('example.com.', TYPE.SOA))).toBe(
    await overUdp(long.at.port, query('example.com.', TYPE.SOA)),
  );
  await isSame(ixfr('example.com.', 9));
  expect(asked).toBe(0);
  // each is made on the long way, once
  for (const bytes of [query('example.com.', TYPE.AXFR), ixfr('example.com.', 7), ixfr('example.com.', 8)]) {
    asked = 0;
    await isSame(bytes);
    expect(asked).toBe(1);
    await isSame(bytes);
    expect(asked).toBe(1);
  }
});

test('who was registered a moment ago is refused', async () => {
  expect(await overUdp(short.at.port, query('example.com.', TYPE.SOA))).toContain('84000001');
  short.registry.list.splice(0);
  expect((await overUdp(short.at.port, query('example.com.', TYPE.SOA))).slice(4, 8)).toBe('8005');
});

test('what is read as plain is what the whole parser reads', () => {
  const base = REQUESTS.map(([, bytes]) => bytes);
  fc.assert(
    fc.property(
      fc.constantFrom(...base),
      fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 3 }),
      (bytes, changes) => {
        const changed = Buffer.from(bytes);
        for (const [at, octet] of changes) if (at < changed.length) changed[at] = octet;
        const plain = readPlainQuestion(changed);
        if (plain === undefined) return;
        const parsed = parseRequest(changed, 'tcp');
        if (parsed.kind !== 'readable') throw new Error(`plain, and ${parsed.kind}`);
        const { question, edns, refusal, ask } = parsed.request;
        expect(refusal).toBeUndefined();
        const kind = plain.type === TYPE.SOA ? 'SOA' : plain.type === TYPE.AXFR ? 'AXFR' : 'IXFR';
        expect(ask).toEqual(kind === 'IXFR' ? { kind, serial: plain.fromSerial } : { kind });
        expect(question?.wire).toEqual(changed.subarray(12, plain.nameEnd + 4));
        expect(edns !== undefined).toBe(plain.edns);
        if (edns)
          expect(edns).toMatchObject({
            dnssecOk: plain.dnssecOk,
            expire: plain.expire,
            udpBytes: plain.udpBytes,
          });
      },
    ),
    { numRuns: 20_000 },
  );
});
