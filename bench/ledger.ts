/**
 * What the ledger of convergence costs beside the answers: SOA over UDP and AXFR of small zones by one process with it, and by two alike without it, in turn:
 * `npm run bench -- ledger [--zones 5000] [--runs 8] [--seconds 3]`. The second one without it shows what the machine's noise is.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import pg from 'pg';
import { answers } from '../test/support/secondaries/dig.ts';
import { freePort } from '../test/support/secondaries/ports.ts';
import { ServerProcess } from '../test/support/secondaries/server-process.ts';
import { cpuSeconds } from './small/cpu.ts';
import { inOwnNamespace } from './small/namespace.ts';
import { ourDatabase } from './small/ours.ts';
import { median, printMachine } from './small/table.ts';
import { smallZones, writeZones } from './small/zones.ts';

inOwnNamespace(import.meta.filename);
const { values: given } = parseArgs({
  options: {
    zones: { type: 'string', default: '5000' },
    runs: { type: 'string', default: '8' },
    seconds: { type: 'string', default: '3' },
  },
});
const run = promisify(execFile);
const SERVER = fileURLToPath(new URL('ledger/server.ts', import.meta.url));

interface Contender {
  name: string;
  port: number;
  server: ServerProcess;
  soa: { rate: number; cpu: number }[];
  axfr: { rate: number; cpu: number }[];
}

const zones = smallZones(Number(given.zones));
const folder = await mkdtemp(join(tmpdir(), 'zoneferry-bench-ledger-'));
await chmod(folder, 0o711);
const contenders: Contender[] = [];
try {
  const client = join(folder, 'transfers');
  await run('cc', ['-O2', '-o', client, fileURLToPath(new URL('small/transfers.c', import.meta.url))]);
  const { list, questions } = await writeZones(zones, folder);
  const database = await ourDatabase(zones, folder);
  const pool = new pg.Pool({ connectionString: database.url, max: 1 });
  try {
    await pool.query('update secondaries set notify = true');
    for (const [name, ledger] of [
      ['without', 'without'],
      ['without, again', 'without'],
      ['with the ledger', 'with'],
    ] as const) {
      const port = await freePort();
      const server = new ServerProcess(process.execPath, [SERVER, database.url, String(port), ledger], {
        folder,
      });
      await server.until(() => answers({ address: '127.0.0.1', port }, zones.names[0] ?? ''), 60_000);
      contenders.push({ name, port, server, soa: [], axfr: [] });
    }
    await sleep(2_000);
    for (const contender of contenders)
      for (let count = 0; count < 4; count++) {
        await soa(contender, questions, 1);
        await axfr(contender, client, list);
      }
    // all is seen, as after a change went round: from here on polls write nothing
    await sleep(2_000);
    await pool.query(
      `set zoneferry.service = on; update convergence set serving_at = now(), checked_at = now(), next_check_at = null`,
    );
    for (let count = 0; count < Number(given.runs); count++)
      for (const contender of contenders.toSorted(() => Math.random() - 0.5)) {
        contender.soa.push(await soa(contender, questions, Number(given.seconds)));
        contender.axfr.push(await axfr(contender, client, list));
        console.error(
          `${contender.name}: ${Math.round(contender.soa.at(-1)!.rate)} SOA, ${Math.round(contender.axfr.at(-1)!.rate)} AXFR`,
        );
      }
  } finally {
    for (const { server } of contenders) await server.stop();
    await pool.end();
    await database.close();
  }
  printMachine();
  print('SOA over UDP', 'soa');
  print(`AXFR of ${zones.names.length} zones of 12 records, a fresh connection each`, 'axfr');
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function soa({ port, server }: Contender, questions: string, seconds: number) {
  const before = cpuSeconds(server.pid ?? 0) ?? Number.NaN;
  const { stdout } = await run(
    'dnsperf',
    `-s 127.0.0.1 -p ${port} -d ${questions} -c 8 -T 1 -q 200 -l ${seconds}`.split(' '),
  );
  const count = Number(/Queries completed:\s+(\d+)/.exec(stdout)?.[1]);
  return {
    rate: Number(/Queries per second:\s+([\d.]+)/.exec(stdout)?.[1]),
    cpu: (((cpuSeconds(server.pid ?? 0) ?? Number.NaN) - before) / count) * 1e6,
  };
}

async function axfr({ port, server }: Contender, client: string, list: string) {
  const before = cpuSeconds(server.pid ?? 0) ?? Number.NaN;
  const [transfers = 0, seconds = 1] = (await run(client, [String(port), list, '32', 'fresh', '1'])).stdout
    .split(' ')
    .map(Number);
  return {
    rate: transfers / seconds,
    cpu: (((cpuSeconds(server.pid ?? 0) ?? Number.NaN) - before) / transfers) * 1e6,
  };
}

function print(title: string, kind: 'soa' | 'axfr'): void {
  const [first] = contenders;
  const base = median(first?.[kind].map(({ rate }) => rate) ?? []);
  console.log(
    `\n### ${title}\n\n| server | a second | to the first | CPU each, µs |\n| --- | --- | --- | --- |`,
  );
  for (const { name, [kind]: runs } of contenders) {
    const rates = runs.map(({ rate }) => rate);
    const cpu = runs.map(({ cpu }) => cpu);
    console.log(
      `| ${name} | ${Math.round(median(rates))} (${Math.round(Math.min(...rates))}-${Math.round(Math.max(...rates))}) | ${(median(rates) / base).toFixed(3)} | ${median(cpu).toFixed(1)} (${Math.min(...cpu).toFixed(1)}-${Math.max(...cpu).toFixed(1)}) |`,
    );
  }
}
