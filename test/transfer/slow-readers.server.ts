// A server with one large zone in a process of its own, which tells its memory when it is asked.

import { systemClock } from '../../src/clock.ts';
import { createTransferServer } from '../../src/transfer/server.ts';
import { MemoryRegistry, MemoryZones } from '../support/memory-zones.ts';
import { KeptLog } from './kept-log.ts';

const RECORDS = 400_000;

const zones = new MemoryZones();
zones.batch = 1_000;
zones.add(
  'large.test.',
  Array.from({ length: RECORDS }, (_, n) => `h${n} 300 A 10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`),
);
const registry = new MemoryRegistry();
registry.add('s');
const server = createTransferServer({
  listen: [{ ip: '127.0.0.1', port: 0 }],
  source: zones,
  registry,
  clock: systemClock,
  log: new KeptLog(),
  limits: { transfersPerSecondary: 64, stallMs: 600_000 },
});
await server.start();
process.on('message', async () => {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  process.send?.({ rss, heapUsed, external, arrayBuffers });
});
process.once('disconnect', () => process.exit());
process.send?.({ port: server.addresses()[0]?.port });
