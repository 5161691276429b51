import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { frame } from '../../../src/dns/framer.ts';
import { absoluteName } from '../../../src/dns/name.ts';
import { buildQuery } from '../../../src/dns/query.ts';
import { OPCODE, TYPE } from '../../../src/dns/types.ts';
import { crowd } from './crowd.ts';
import type { Flood } from './measure.ts';
import { type Target, ZONE } from './stage.ts';

const NAME = absoluteName(ZONE);
const SOA = buildQuery({ id: 1, name: NAME, type: TYPE.SOA });
const AXFR = frame(buildQuery({ id: 2, name: NAME, type: TYPE.AXFR }));
const NOTIFY = buildQuery({ id: 3, name: NAME, type: TYPE.SOA, opcode: OPCODE.NOTIFY });

/** Something for each connection now and then, until it is gone. */
function dripping(bytes: Buffer, everyMs: number): (socket: Socket) => void {
  return (socket) => {
    let sent = 0;
    const timer = setInterval(() => socket.write(bytes.subarray(sent, ++sent)), everyMs);
    socket.on('close', () => clearInterval(timer));
  };
}

/** Writes as much as is taken, and reads nothing. */
function pouring(bytes: Buffer): (socket: Socket) => void {
  return (socket) => {
    socket.pause();
    const pour = () => {
      while (!socket.destroyed && socket.write(bytes));
    };
    socket.on('drain', pour);
    pour();
  };
}

/** Floods of the DNS port by strangers, of so many connections or senders. */
export const dnsFloods: Readonly<Record<string, (to: Target, count: number) => Promise<Flood>>> = {
  'silent connections': async ({ dns }, count) => crowd(dns, count, () => {}, 'silent connections'),
  'half a length prefix': async ({ dns }, count) =>
    crowd(dns, count, (socket) => socket.write(Buffer.from([0])), 'connections with one octet'),
  'a request octet by octet': async ({ dns }, count) =>
    crowd(dns, count, dripping(AXFR, 100), 'connections that drip'),
  'half of the longest request': async ({ dns }, count) =>
    crowd(
      dns,
      count,
      (socket) => socket.write(Buffer.concat([Buffer.from([0xff, 0xff]), Buffer.alloc(60_000)])),
      'connections with 60,000 octets of a request',
    ),
  'AXFR pipelined, nothing read': async ({ dns }, count) =>
    crowd(
      dns,
      count,
      pouring(Buffer.concat(Array<Buffer>(500).fill(AXFR))),
      'connections that pour requests',
    ),
  'long requests, nothing read': async ({ dns }, count) =>
    crowd(dns, count, pouring(frame(chainOfPointers())), 'connections that pour requests of 64 KiB'),
  'SOA over TCP': async ({ dns }, count) =>
    crowd(
      dns,
      count,
      (socket) => {
        socket.resume();
        socket.write(Buffer.concat(Array<Buffer>(100).fill(frame(SOA))), () => socket.end());
      },
      'connections with 100 SOA each, again and again',
    ),
  'SOA over UDP': ({ dns }, count) => datagrams(dns, count, () => SOA, 'SOA'),
  'UDP for names that there are not': ({ dns }, count) =>
    datagrams(
      dns,
      count,
      (number) =>
        buildQuery({ id: number & 0xffff, name: absoluteName(`n${number}.example.`), type: TYPE.SOA }),
      'SOA of other names',
    ),
  'NOTIFY over UDP': ({ dns }, count) => datagrams(dns, count, () => NOTIFY, 'NOTIFY'),
  'UDP that is no DNS': ({ dns }, count) =>
    datagrams(dns, count, () => Buffer.alloc(1_400, 0xff), 'octets that are no message'),
};

/** Sends datagrams as fast as this process can, from so many sockets. */
async function datagrams(
  to: { host: string; port: number },
  count: number,
  make: (number: number) => Buffer,
  what: string,
): Promise<Flood> {
  const sockets = await Promise.all(
    Array.from({ length: Math.min(count, 64) }, async (_, index) => {
      const socket = createSocket('udp4');
      socket.on('error', () => {});
      socket.bind(0, `127.0.8.${1 + index}`);
      await once(socket, 'listening');
      socket.connect(to.port, to.host);
      await once(socket, 'connect');
      return socket;
    }),
  );
  let sent = 0;
  let stopped = false;
  const send = () => {
    if (stopped) return;
    for (const socket of sockets) for (let left = 8; left > 0; left--) socket.send(make(sent++));
    // a turn for everybody else in this process, who asks as the secondary does
    setTimeout(send, 1);
  };
  send();
  return {
    done: () => `${sent} datagrams: ${what}`,
    stop: () => {
      stopped = true;
      for (const socket of sockets) socket.close();
    },
  };
}

/** A message of nearly 64 KiB: thousands of names that lead through a chain of pointers each. */
export function chainOfPointers(): Buffer {
  const links = 8_000;
  const at = 12 + 11;
  const chain = Buffer.alloc(1 + 2 * links);
  for (let link = 0; link < links; link++)
    chain.writeUInt16BE(0xc000 | (link === 0 ? at : at + 2 * link - 1), 1 + 2 * link);
  const record = (owner: number[], length: number) =>
    Buffer.from([...owner, 0xff, 0x78, 0, 1, 0, 0, 0, 0, length >> 8, length & 0xff]);
  const last = at + 2 * Math.min(links, 8_170) - 1;
  const one = record([0xc0 | (last >> 8), last & 0xff], 0);
  const count = Math.floor((65_535 - at - chain.length) / one.length);
  const header = Buffer.alloc(12);
  header.writeUInt16BE(count + 1, 10);
  return Buffer.concat([header, record([0], chain.length), chain, ...Array<Buffer>(count).fill(one)]);
}
