/**
 * How soon a change is to be seen, on real parts: `npm run bench -- follow [--moves 10] [--seconds 60] [--edits 100]`.
 *
 * 1. From the moment a target's new address can be resolved to each installed secondary answering it, with a tick a second
 *    and a TTL of one second.
 * 2. Serials spent while a target rotates its order and counts its TTL down: none is right.
 * 3. From the commit of an SQL edit to its NOTIFY on the wire.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { readMessage } from '../src/dns/message.ts';
import { formatRdata } from '../src/dns/rdata/index.ts';
import { OPCODE, TYPE } from '../src/dns/types.ts';
import { removeEmbedded, startEmbedded } from '../src/embedded/index.ts';
import { Asker } from '../test/support/ask.ts';
import {
  freePort,
  installedKinds,
  type Secondary,
  startSecondary,
} from '../test/support/secondaries/index.ts';
import { type Service, startService } from '../test/support/service.ts';
import { until } from '../test/support/until.ts';
import { Upstream } from '../test/support/upstream.ts';

const { values: given } = parseArgs({
  options: {
    moves: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '60' },
    edits: { type: 'string', default: '100' },
  },
});

const stops: (() => unknown)[] = [];
try {
  await measure();
} finally {
  for (const stop of stops.reverse()) await stop();
}

async function measure(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'zoneferry-bench-'));
  await chmod(folder, 0o711);
  stops.push(() => rm(folder, { recursive: true, force: true }));
  const database = await startEmbedded(folder);
  stops.push(async () => {
    await database.leave();
    await removeEmbedded(folder);
  });
  const upstream = await Upstream.start();
  stops.push(() => upstream.close());
  const service = await startService({ databaseUrl: database.url, resolver: upstream.endpoint });
  stops.push(() => service.stop());

  console.log(`Node ${process.version}, ${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}\n`);
  await measureMoves(service, upstream, Number(given.moves));
  await measureQuiet(service, upstream, Number(given.seconds));
  await measureEdits(service, database.url, Number(given.edits));
}

async function measureMoves(service: Service, upstream: Upstream, moves: number): Promise<void> {
  const zone = 'moving.test.';
  upstream.set('moving.example.net', { A: ['198.51.100.250'], ttl: 1 });
  await importZone(service, zone, 'moving.example.net.');
  const watches = await Promise.all(
    installedKinds().map(async (kind) => {
      const secondary = await startRegistered(service, kind, zone);
      const asker = await Asker.connect(secondary);
      stops.push(() => asker.close());
      return { kind, asker, times: [] as number[] };
    }),
  );
  await Promise.all(watches.map(({ asker }) => answered(asker, zone, '198.51.100.250')));
  for (let move = 1; move <= moves; move++) {
    await sleep(1_000 + Math.random() * 2_000);
    const address = `198.51.100.${move}`;
    upstream.set('moving.example.net', { A: [address], ttl: 1 });
    const moved = performance.now();
    await Promise.all(
      watches.map(async ({ asker, times }) => {
        await answered(asker, zone, address);
        times.push(performance.now() - moved);
      }),
    );
  }
  console.log(`A target's new address resolvable -> answered by the secondary, ${moves} moves, ms\n`);
  table(
    ['secondary', 'p50', 'max'],
    watches.map(({ kind, times }) => [kind, ...p50AndMax(times)]),
  );
}

async function measureQuiet(service: Service, upstream: Upstream, seconds: number): Promise<void> {
  const zone = 'rotating.test.';
  const addresses = [1, 2, 3, 4, 5].map((last) => `203.0.113.${last}`);
  upstream.set('rotating.example.net', { A: addresses, ttl: 7 });
  await importZone(service, zone, 'rotating.example.net.');
  const asker = await Asker.connect({ address: service.dns.ip, port: service.dns.port });
  stops.push(() => asker.close());
  await service.cli(
    'secondary',
    'add',
    'bench-asker',
    '--address',
    '127.0.0.1',
    '--zones',
    zone,
    '--no-notify',
  );
  await until('the first addresses', async () =>
    (await service.cli('zone', 'export', zone)).includes('203.0.113.5'),
  );
  upstream.rotate = true;
  upstream.countDown = true;
  const before = await serialOf(asker, zone);
  const looksBefore = upstream.count('rotating.example.net', 'A');
  await sleep(seconds * 1_000);
  const looks = upstream.count('rotating.example.net', 'A') - looksBefore;
  const spent = (await serialOf(asker, zone)) - before;
  upstream.rotate = false;
  upstream.countDown = false;
  console.log(`Order rotating, TTL counting down, for ${seconds} s\n`);
  table(['looks', 'serials spent'], [[String(looks), String(spent)]]);
}

async function measureEdits(service: Service, databaseUrl: string, edits: number): Promise<void> {
  const zone = 'edited.test.';
  const port = await freePort();
  const receiver = createSocket('udp4');
  stops.push(() => receiver.close());
  let lastNotified = { serial: 0, at: 0 };
  receiver.on('message', (bytes, from) => {
    const at = performance.now();
    const notify = readMessage(bytes);
    if (notify.opcode !== OPCODE.NOTIFY) return;
    const soa = notify.answers[0];
    const serial = soa ? Number(formatRdata(soa.type, soa.rdata).split(' ')[2]) : 0;
    if (serial > lastNotified.serial) lastNotified = { serial, at };
    const reply = Buffer.from(bytes.subarray(0, 12 + (notify.questions[0]?.wire.length ?? 0)));
    reply.writeUInt16BE(0xa400, 2);
    reply.writeUInt16BE(1, 4);
    reply.fill(0, 6, 12);
    receiver.send(reply, from.port, from.address);
  });
  receiver.bind(port, '127.0.0.1');
  await once(receiver, 'listening');
  await importZone(service, zone);
  await service.cli('secondary', 'add', 'bench-receiver', '--address', `127.0.0.1:${port}`, '--zones', zone);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  stops.push(() => client.end());

  const times: number[] = [];
  for (let edit = 0; edit < edits; edit++) {
    const known = lastNotified.serial;
    await client.query(`update records set content = $1 where name = $2 and type = 'A'`, [
      `192.0.2.${(edit % 200) + 10}`,
      `www.${zone}`,
    ]);
    const committed = performance.now();
    await until('NOTIFY of the edit', async () => lastNotified.serial > known, { everyMs: 1 });
    times.push(Math.max(0, lastNotified.at - committed));
    await sleep(20 + Math.random() * 180);
  }
  console.log(`SQL edit committed -> NOTIFY received, ${edits} edits, ms\n`);
  table(['p50', 'max'], [p50AndMax(times)]);
}

/** A zone with one address at www, and an ALIAS at the apex where a target is given. */
async function importZone(service: Service, zone: string, target?: string): Promise<void> {
  const file = join(service.folder, `${zone}zone`);
  const alias = target ? `@ 300 ALIAS ${target}\n` : '';
  const text = `$ORIGIN ${zone}\n@ 300 SOA ns1 hostmaster 1 3600 600 604800 60\n@ 300 NS ns1\nns1 300 A 192.0.2.1\nwww 300 A 192.0.2.2\n${alias}`;
  await writeFile(file, text);
  await service.cli('zone', 'import', file);
}

async function startRegistered(service: Service, kind: Secondary['kind'], zone: string): Promise<Secondary> {
  const port = await freePort();
  await service.cli('secondary', 'add', `bench-${kind}`, '--address', `127.0.0.1:${port}`, '--zones', zone);
  const secondary = await startSecondary(kind, { primary: service.dns, zones: [zone], port });
  stops.push(() => secondary.stop());
  return secondary;
}

async function answered(asker: Asker, zone: string, address: string): Promise<void> {
  await until(
    `${address} for ${zone}`,
    async () => {
      const reply = await asker.ask(zone, TYPE.A);
      return reply?.answers.some(({ type, rdata }) => formatRdata(type, rdata) === address);
    },
    { everyMs: 4, deadlineMs: 60_000 },
  );
}

async function serialOf(asker: Asker, zone: string): Promise<number> {
  const soa = (await asker.ask(zone, TYPE.SOA))?.answers[0];
  if (!soa) throw new Error(`no SOA of ${zone}`);
  return Number(formatRdata(soa.type, soa.rdata).split(' ')[2]);
}

/** The middle one (of an even number the upper) and the largest, in whole milliseconds. */
function p50AndMax(times: number[]): [string, string] {
  const sorted = times.toSorted((a, b) => a - b);
  return [sorted[Math.floor(sorted.length / 2)] ?? Number.NaN, sorted.at(-1) ?? Number.NaN].map((time) =>
    time.toFixed(time < 10 ? 1 : 0),
  ) as [string, string];
}

function table(head: string[], rows: string[][]): void {
  for (const row of [head, head.map(() => '---'), ...rows]) console.log(`| ${row.join(' | ')} |`);
  console.log('');
}
