/**
 * AXFR of many zones of 12 records, 32 at a time, on a fresh connection each and on kept connections, beside BIND, NSD and Knot in the
 * same run: `npm run bench -- small-zones [--zones 10000] [--runs 5] [--processes 1,2]`. The client is `small/transfers.c`, compiled at the start.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { cpuSeconds } from './small/cpu.ts';
import { inOwnNamespace } from './small/namespace.ts';
import { ourDatabase } from './small/ours.ts';
import { peerNames, type Started, startPeer } from './small/peers.ts';
import { median, printMachine, printRates } from './small/table.ts';
import { smallZones, writeZones } from './small/zones.ts';

inOwnNamespace(import.meta.filename);
const { values: given } = parseArgs({
  options: {
    zones: { type: 'string', default: '10000' },
    runs: { type: 'string', default: '5' },
    processes: { type: 'string', default: '1,2' },
    ours: { type: 'boolean', default: false },
  },
});

/** Rounds that are not counted. */
const WARMING = 6;
const run = promisify(execFile);
const KINDS = [
  { kind: 'fresh', rounds: 1, title: 'a fresh connection each' },
  { kind: 'kept', rounds: 4, title: 'on 32 kept connections' },
] as const;
interface Measured {
  name: string;
  rates: Record<'fresh' | 'kept', number[]>;
  cpu: Record<'fresh' | 'kept', number[]>;
  p50: Record<'fresh' | 'kept', number[]>;
  p99: Record<'fresh' | 'kept', number[]>;
}

const zones = smallZones(Number(given.zones));
const folder = await mkdtemp(join(tmpdir(), 'zoneferry-bench-small-'));
await chmod(folder, 0o711);
try {
  const client = join(folder, 'transfers');
  await run('cc', ['-O2', '-o', client, fileURLToPath(new URL('small/transfers.c', import.meta.url))]);
  const { list } = await writeZones(zones, folder);
  const results: Measured[] = [];
  for (const name of given.ours ? [] : peerNames())
    results.push(await measure(await startPeer(name, zones.names, folder), client, list));
  const database = await ourDatabase(zones, folder);
  try {
    for (const processes of given.processes.split(',').map(Number))
      results.push(await measure(await database.start(processes), client, list));
  } finally {
    await database.close();
  }
  printMachine();
  for (const { kind, title } of KINDS) {
    const all = results.map(({ name, rates, cpu }) => ({ name, rates: rates[kind], cpu: cpu[kind] }));
    printRates(
      `AXFR of ${zones.names.length} zones of 12 records, 32 at a time, ${title}`,
      'transfers a second',
      all,
    );
    console.log('\n| server | p50 ms | p99 ms |\n| --- | --- | --- |');
    for (const { name, p50, p99 } of results)
      console.log(`| ${name} | ${median(p50[kind])} | ${median(p99[kind])} |`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function measure(server: Started, client: string, list: string): Promise<Measured> {
  const empty = () => ({ fresh: [] as number[], kept: [] as number[] });
  const measured: Measured = { name: server.name, rates: empty(), cpu: empty(), p50: empty(), p99: empty() };
  try {
    for (const { kind, rounds } of KINDS) {
      for (let count = -WARMING; count < Number(given.runs); count++) {
        const before = cpuSeconds(server.pid) ?? Number.NaN;
        const words = [String(server.port), list, '32', kind, String(rounds)];
        const [transfers = 0, seconds = 1, p50 = 0, p99 = 0] = (await run(client, words)).stdout
          .split(' ')
          .map(Number);
        console.error(`${server.name}, ${kind}: ${Math.round(transfers / seconds)}`);
        // each process has to have each zone
        if (count < 0) continue;
        measured.rates[kind].push(transfers / seconds);
        measured.cpu[kind].push((((cpuSeconds(server.pid) ?? Number.NaN) - before) / transfers) * 1e6);
        measured.p50[kind].push(p50);
        measured.p99[kind].push(p99);
      }
    }
    return measured;
  } finally {
    await server.stop();
  }
}
