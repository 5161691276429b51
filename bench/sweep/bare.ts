/**
 * The floor: a client that does nothing but ask, over as many sockets as ours, with as many questions under way. Run as a process of its
 * own: `node bench/sweep/bare.ts PORT TARGETS SOCKETS AT_ONCE`; prints answers a second, and microseconds of
 * CPU for each.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { absoluteName } from '../../src/dns/name.ts';
import { buildQuery } from '../../src/dns/query.ts';
import { TYPE } from '../../src/dns/types.ts';
import { targetName } from './dataset.ts';

const [port = 0, targets = 0, count = 0, atOnce = 0] = process.argv.slice(2).map(Number);
const total = 2 * targets;
let sent = 0;
let received = 0;
const done = Promise.withResolvers<void>();

const sockets: Socket[] = [];
for (let index = 0; index < count; index++) {
  const socket = createSocket('udp4');
  socket.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const waiting = new Set<number>();
  socket.on('message', (reply) => {
    if (!waiting.delete(reply.readUInt16BE(0))) return;
    if (++received === total) done.resolve();
    else ask(socket, waiting);
  });
  sockets.push(socket);
  queueMicrotask(() => {
    for (let one = 0; one < atOnce / count; one++) ask(socket, waiting);
  });
}

function ask(socket: Socket, waiting: Set<number>): void {
  if (sent === total) return;
  const number = sent++;
  const id = number & 0xffff;
  waiting.add(id);
  const name = absoluteName(targetName(number >> 1));
  socket.send(
    buildQuery({ id, name, type: number & 1 ? TYPE.AAAA : TYPE.A, rd: true, edns: { udpSize: 1232 } }),
  );
}

const begun = performance.now();
const before = process.cpuUsage();
const deadline = setTimeout(() => {
  console.error(`${total - received} of ${total} answers are missing`);
  process.exit(1);
}, 60_000);
await done.promise;
clearTimeout(deadline);
const { user, system } = process.cpuUsage(before);
console.log((total / ((performance.now() - begun) / 1000)).toFixed(0), ((user + system) / total).toFixed(1));
for (const socket of sockets) socket.close();
