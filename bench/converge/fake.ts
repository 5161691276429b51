/**
 * A secondary for the benchmark, in a process of its own: answers NOTIFY, remembers the serial that it tells of, and answers SOA, NS and A as if it had
 * taken that version at once. `A` of any name is 192.0.2.SERIAL. Told over IPC where it listens and what came.
 */
import { createSocket } from 'node:dgram';
import { type AddressInfo, createServer } from 'node:net';
import { FrameReader, frame } from '../../src/dns/framer.ts';

export interface FakeReport {
  /** Zones told of since `reset`, the serial of each counted once, and when the first and the last were; ms of performance.timeOrigin. */
  zones: number;
  messages: number;
  queries: number;
  first: number;
  last: number;
}

/** ns.bench. */
const NS = Buffer.from('\x02ns\x05bench\x00', 'latin1');
const serials = new Map<string, number>();
const seen = new Set<string>();
let [messages, queries, first, last] = [0, 0, 0, 0];

const udp = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 });
udp.on('message', (bytes, from) => udp.send(answer(bytes), from.port, from.address));
// Knot sends its NOTIFYs over TCP
const tcp = createServer((connection) => {
  const frames = new FrameReader();
  connection.on('error', () => connection.destroy());
  connection.on('data', (chunk) => {
    for (const bytes of frames.push(chunk)) connection.write(frame(answer(bytes)));
  });
});
tcp.listen(0, '127.0.0.1', () => {
  const { port } = tcp.address() as AddressInfo;
  udp.bind(port, '127.0.0.1', () => process.send?.({ port }));
});
process.on('message', (wish: 'reset' | 'report') => {
  if (wish === 'reset') {
    seen.clear();
    [messages, queries, first, last] = [0, 0, 0, 0];
  }
  const report: FakeReport = { zones: seen.size, messages, queries, first, last };
  process.send?.({ report });
});
process.on('disconnect', () => process.exit());

function answer(bytes: Buffer): Buffer {
  const opcode = (bytes[2]! >> 3) & 0xf;
  const end = afterName(bytes, 12);
  const name = bytes.toString('latin1', 12, end).toLowerCase();
  const type = bytes.readUInt16BE(end);
  const question = end + 4;
  if (opcode !== 4) {
    queries++;
    const serial = serials.get(name) ?? serials.get(name.slice(name.charCodeAt(0) + 1)) ?? 0;
    return reply(bytes, question, opcode, type, serial);
  }
  const serial = serialOf(bytes, question);
  serials.set(name, serial);
  messages++;
  const key = `${name}${serial}`;
  if (!seen.has(key)) {
    seen.add(key);
    last = now();
    first ||= last;
  }
  return reply(bytes, question, opcode);
}

function now(): number {
  return performance.timeOrigin + performance.now();
}

/** Of the SOA in the answer section, whose owner is the question's name or a pointer to it. */
function serialOf(bytes: Buffer, question: number): number {
  if (bytes.readUInt16BE(6) === 0) return 0;
  const fixed = afterName(bytes, question);
  return bytes.readUInt32BE(afterName(bytes, afterName(bytes, fixed + 10)));
}

function afterName(bytes: Buffer, start: number): number {
  let at = start;
  for (;;) {
    const length = bytes[at]!;
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    at += length + 1;
  }
}

function reply(bytes: Buffer, question: number, opcode: number, type = 0, serial = 0): Buffer {
  const rdata =
    type === 6 ? soa(serial) : type === 2 ? NS : type === 1 ? Buffer.from([192, 0, 2, serial]) : undefined;
  const out = Buffer.alloc(question + (rdata === undefined ? 0 : 12 + rdata.length));
  bytes.copy(out, 0, 0, question);
  out[2] = 0x84 | (opcode << 3);
  out[3] = 0;
  out.fill(0, 6, 12);
  if (rdata === undefined) return out;
  out.writeUInt16BE(1, 6);
  let at = out.writeUInt16BE(0xc00c, question);
  at = out.writeUInt16BE(type, at);
  at = out.writeUInt16BE(1, at);
  at = out.writeUInt32BE(60, at);
  at = out.writeUInt16BE(rdata.length, at);
  rdata.copy(out, at);
  return out;
}

function soa(serial: number): Buffer {
  const rdata = Buffer.alloc(22);
  rdata.writeUInt32BE(serial, 2);
  return rdata;
}
