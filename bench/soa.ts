/**
 * SOA over UDP, the serial guaranteed as `docs/decisions/0008-serials-under-a-lease.md` says, beside BIND, NSD and Knot in the same run:
 * `npm run bench -- soa [--zones 10000] [--runs 5] [--seconds 5] [--processes 1,2]`. The client is dnsperf, one thread.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { cpuSeconds } from './small/cpu.ts';
import { inOwnNamespace } from './small/namespace.ts';
import { ourDatabase } from './small/ours.ts';
import { peerNames, type Started, startPeer } from './small/peers.ts';
import { printMachine, printRates, type Runs } from './small/table.ts';
import { smallZones, writeZones } from './small/zones.ts';

inOwnNamespace(import.meta.filename);
const { values: given } = parseArgs({
  options: {
    zones: { type: 'string', default: '10000' },
    runs: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    processes: { type: 'string', default: '1,2' },
    ours: { type: 'boolean', default: false },
  },
});

const zones = smallZones(Number(given.zones));
const folder = await mkdtemp(join(tmpdir(), 'zoneferry-bench-soa-'));
await chmod(folder, 0o711);
try {
  const { questions } = await writeZones(zones, folder);
  const results: Runs[] = [];
  for (const name of given.ours ? [] : peerNames())
    results.push(await measure(await startPeer(name, zones.names, folder), questions));
  const database = await ourDatabase(zones, folder);
  try {
    for (const processes of given.processes.split(',').map(Number))
      results.push(await measure(await database.start(processes), questions));
  } finally {
    await database.close();
  }
  printMachine();
  printRates(`SOA over UDP, ${zones.names.length} zones`, 'answers a second', results);
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function measure(server: Started, questions: string): Promise<Runs> {
  try {
    // BIND may still load the last of the zones, and says SERVFAIL for them
    await ask(server.port, questions, 2, false);
    const rates: number[] = [];
    const cpu: number[] = [];
    for (let run = 0; run < Number(given.runs); run++) {
      const before = cpuSeconds(server.pid) ?? Number.NaN;
      const { rate, answers } = await ask(server.port, questions, Number(given.seconds));
      rates.push(rate);
      cpu.push((((cpuSeconds(server.pid) ?? Number.NaN) - before) / answers) * 1e6);
    }
    console.error(`${server.name}: ${rates.map(Math.round).join(' ')}`);
    return { name: server.name, rates, cpu };
  } finally {
    await server.stop();
  }
}

/** Answers a second, and how many; every one of them has to be NOERROR where it counts. */
async function ask(
  port: number,
  questions: string,
  seconds: number,
  counts = true,
): Promise<{ rate: number; answers: number }> {
  const { stdout } = await promisify(execFile)(
    'dnsperf',
    `-s 127.0.0.1 -p ${port} -d ${questions} -c 8 -T 1 -q 200 -l ${seconds}`.split(' '),
  );
  const rate = Number(/Queries per second:\s+([\d.]+)/.exec(stdout)?.[1]);
  const answers = Number(/Queries completed:\s+(\d+)/.exec(stdout)?.[1]);
  const codes = /Response codes:\s+(.*)/.exec(stdout)?.[1] ?? '';
  if (counts && !Number.isFinite(rate)) throw new Error(stdout);
  if (counts && !/^NOERROR \d+ \(100\.00%\)$/.test(codes.trim())) throw new Error(stdout);
  return { rate, answers };
}
