import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { frame } from '../../src/dns/framer.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { buildQuery } from '../../src/dns/query.ts';
import { TYPE } from '../../src/dns/types.ts';
import { axfr } from '../support/transfer-client.ts';

const READERS = 50;
const MB = 1024 * 1024;
const ZONE = 'large.test.';

interface Memory {
  rss: number;
  heapUsed: number;
  external: number;
  arrayBuffers: number;
}

let server: ChildProcess | undefined;
const readers: Socket[] = [];
afterEach(() => {
  for (const reader of readers.splice(0)) reader.destroy();
  server?.kill('SIGKILL');
});

test('a reader of one octet a second costs its socket buffer and nothing more', {
  timeout: 180_000,
}, async () => {
  const child = fork(fileURLToPath(new URL('./slow-readers.server.ts', import.meta.url)), {
    execArgv: ['--expose-gc'],
  });
  server = child;
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const memory = async (): Promise<Memory> => {
    child.send('memory');
    return ((await once(child, 'message')) as [Memory])[0];
  };
  const at = { host: '127.0.0.1', port, zone: ZONE, timeoutMs: 120_000 };
  // what one transfer leaves, the image among it, is there from then on
  const { octets } = await axfr(at);
  const before = await memory();

  await Promise.all(Array.from({ length: READERS }, () => openReader(port)));
  const read = new Array<number>(READERS).fill(0);
  for (let second = 0; second < 5 || (Math.min(...read) < 3 && second < 60); second++) {
    for (const [index, reader] of readers.entries()) read[index]! += reader.read(1)?.length ?? 0;
    await pause(1_000);
  }
  expect(Math.min(...read), 'each reads on').toBeGreaterThanOrEqual(3);
  const during = await memory();
  const grown = {
    kept: (during.heapUsed + during.external - before.heapUsed - before.external) / MB,
    resident: (during.rss - before.rss) / MB,
  };
  // a copy of what each has still to read would be many times as much
  expect((READERS * octets) / MB).toBeGreaterThan(300);
  expect(grown.kept).toBeLessThan(READERS * 0.1);
  expect(grown.resident).toBeLessThan(50);
  expect((await axfr(at)).octets, 'others are served meanwhile').toBe(octets);
});

/** A client that asks for the zone and takes no more than is read by hand. */
async function openReader(port: number): Promise<void> {
  const options = { host: '127.0.0.1', port, highWaterMark: 16 };
  const socket = connect(options);
  readers.push(socket);
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(frame(buildQuery({ id: readers.length, name: absoluteName(ZONE), type: TYPE.AXFR })));
}
