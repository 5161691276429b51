import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { frame } from '../../src/dns/framer.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { fetchZone } from '../../src/transfer/fetch-zone.ts';
import { type TestCli, testCli } from '../cli/support.ts';

/** The primary that a zone is taken over from lies: it sends without end, or next to nothing. */

const ZONE = 'lying.example.';
const NAME = absoluteName(ZONE);
/** Where NAME stands in each message. */
const APEX = [0xc0, 12];
const SOA = Buffer.from([...APEX, 0, 6, 0, 1, 0, 0, 0, 60, 0, 22, 0, 0, ...Array<number>(20).fill(1)]);

let cli: TestCli;
let primary: Server | undefined;
beforeAll(async () => {
  // a heap so small that an end has to be made before a test gets bored
  cli = await testCli({ NODE_OPTIONS: '--max-old-space-size=112' });
});
afterEach(() => primary?.close());
afterAll(() => cli?.close());

/** A primary that does this with whoever asks, once the question has come. */
async function lie(answer: (socket: Socket, id: number) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (asked) => answer(socket, asked.readUInt16BE(2)));
  }).listen(0, '127.0.0.1');
  primary = server;
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function message(id: number, records: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(12);
  for (const [index, value] of [id, 0x8400, 1, records.length].entries())
    header.writeUInt16BE(value, 2 * index);
  return frame(Buffer.concat([header, NAME, Buffer.from([0, 252, 0, 1]), ...records]));
}

function pour(socket: Socket, first: Buffer, again: Buffer): void {
  socket.write(first);
  const more = () => {
    while (!socket.destroyed && socket.write(again));
  };
  socket.on('drain', more);
  more();
}

const addresses = (count: number) =>
  Array.from({ length: count }, (_, n) =>
    Buffer.from([...APEX, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, n >> 8, n & 0xff]),
  );

/** One name of nearly 255 octets, and thousands of pointers to it. */
function longNames(count: number): Buffer[] {
  const label = (length: number) => [length, ...Array<number>(length).fill(97)];
  const data = [0xff, 0x78, 0, 1, 0, 0, 0, 60, 0, 0];
  const at = 12 + NAME.length + 4;
  return [
    Buffer.from([...label(63), ...label(63), ...label(63), ...label(40), ...APEX, ...data]),
    ...Array<Buffer>(count).fill(Buffer.from([0xc0 | (at >> 8), at & 0xff, ...data])),
  ];
}

test.each([
  ['addresses without end', addresses(3_800)],
  ['long names without end, in a few octets each', longNames(5_200)],
] as const)('%s: one line, and nothing is written', { timeout: 180_000 }, async (_what, records) => {
  const port = await lie((socket, id) =>
    pour(socket, message(id, [SOA, ...addresses(1)]), message(id, records)),
  );
  const line = await cli.fails(1, 'zone', 'import', ZONE, '--from-axfr', `127.0.0.1@${port}`);
  expect(line).toMatch(
    /^error: lying\.example\. of 127\.0\.0\.1:\d+: more than \d+ (records|octets of names and data) came, which is the most that fits this process .*: nothing was imported$/,
  );
  expect(await cli.ok('zone', 'list')).toMatch(/^no zones/);
});

const fetching = (port: number, limits: { messageMs?: number; maxOctets?: number }) =>
  fetchZone({
    primary: { ip: '127.0.0.1', port },
    zone: NAME,
    clock: systemClock,
    timeoutMs: 60_000,
    ...limits,
  });

test('one octet now and then is no message: the transfer is given up', { timeout: 90_000 }, async () => {
  const port = await lie((socket, id) => {
    const bytes = message(id, [SOA, ...addresses(100)]);
    let sent = 0;
    const drip = setInterval(() => socket.write(bytes.subarray(sent, ++sent)), 20);
    socket.on('close', () => clearInterval(drip));
  });
  await expect(fetching(port, { messageMs: 500 })).rejects.toThrow('no whole message came for 0.5 s');
});

test('who answers once and then holds the line is given up', { timeout: 90_000 }, async () => {
  const port = await lie((socket, id) => socket.write(message(id, [SOA, ...addresses(1)])));
  await expect(fetching(port, { messageMs: 500 })).rejects.toThrow('no whole message came for 0.5 s');
});

test('what a few octets unfold into counts, not what came over the wire', async () => {
  const port = await lie((socket, id) =>
    pour(socket, message(id, [SOA, ...addresses(1)]), message(id, longNames(5_200))),
  );
  await expect(fetching(port, { maxOctets: 5_000_000 })).rejects.toThrow(
    'more than 5000000 octets of names and data came',
  );
});
