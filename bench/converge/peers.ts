import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../../test/support/secondaries/ports.ts';
import { findProgram, ServerProcess } from '../../test/support/secondaries/server-process.ts';
import { until } from '../../test/support/until.ts';
import { cpuSeconds, peakMemory } from '../small/cpu.ts';
import type { Fake } from './fakes.ts';

/** What a primary came to that tells of all its zones at its start. */
export interface Told {
  name: string;
  /** NOTIFYs of different zones a second, both secondaries together, from the first to the last; undefined: not all within the time. */
  rate: number | undefined;
  seconds: number;
  /** Microseconds of its CPU for each, its loading included. */
  cpu: number;
  /** The most MiB that it had in memory. */
  memory: number | undefined;
}

/** Milliseconds: reading a hundred thousand zones takes its time. */
const LONGEST = 600_000;

/** BIND and Knot, where they are installed, with rates set as high as they take them. */
export async function peersTell(
  names: readonly string[],
  fakes: readonly Fake[],
  folder: string,
): Promise<Told[]> {
  const zone = join(folder, 'one.zone');
  await writeFile(
    zone,
    '@ 60 IN SOA ns.bench. h.bench. 2 3600 600 604800 60\n@ 60 IN NS ns.bench.\nwww 60 IN A 192.0.2.2\n',
  );
  const told: Told[] = [];
  for (const [name, program, settings, args] of [
    ['BIND', 'named', bind, ['-g', '-n', '2', '-c']],
    ['Knot', 'knotd', knot, ['-c']],
  ] as const) {
    const path = findProgram(program);
    if (!path) continue;
    const own = join(folder, program);
    await mkdir(own, { recursive: true });
    const file = join(own, 'configuration');
    await writeFile(file, settings({ own, port: await freePort(), names, zone, fakes }));
    for (const fake of fakes) await fake.reset();
    const server = new ServerProcess(path, [...args, file], { folder: own });
    // Knot tells of what changes, not of what it loads: it is asked to
    if (program === 'knotd') await askToTell(join(own, 'knot.sock'), names.at(-1) ?? '');
    const begun = performance.now();
    let reports = await Promise.all(fakes.map((fake) => fake.report()));
    while (reports.some((one) => one.zones < names.length) && performance.now() - begun < LONGEST) {
      await sleep(100);
      reports = await Promise.all(fakes.map((fake) => fake.report()));
    }
    const zones = reports.reduce((sum, one) => sum + one.zones, 0);
    const seconds =
      (Math.max(...reports.map((one) => one.last)) - Math.min(...reports.map((one) => one.first))) / 1_000;
    const cpu = ((cpuSeconds(server.pid ?? 0) ?? Number.NaN) / zones) * 1e6;
    told.push({
      name,
      rate: zones === names.length * fakes.length ? zones / seconds : undefined,
      seconds,
      cpu,
      memory: peakMemory(server.pid ?? 0),
    });
    await server.stop(30_000);
  }
  return told;
}

async function askToTell(socket: string, lastZone: string): Promise<void> {
  const knotc = (...args: string[]) => promisify(execFile)('knotc', ['-s', socket, '-t', '60', ...args]);
  await until(
    'Knot has loaded the zones',
    async () => (await knotc('zone-status', lastZone)).stdout.includes('serial: 2'),
    { deadlineMs: LONGEST, everyMs: 200 },
  );
  await knotc('zone-notify');
}

interface Setting {
  own: string;
  port: number;
  names: readonly string[];
  zone: string;
  fakes: readonly Fake[];
}

function bind({ own, port, names, zone, fakes }: Setting): string {
  const targets = fakes.map((fake) => `127.0.0.1 port ${fake.port};`).join(' ');
  return `options { directory "${own}"; pid-file none; session-keyfile "${own}/session.key";
  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; dnssec-validation no; empty-zones-enable no;
  notify explicit; also-notify { ${targets} }; notify-rate 100000; startup-notify-rate 100000; notify-delay 0; };
controls {};
${names.map((name) => `zone "${name}" { type primary; file "${zone}"; };`).join('\n')}
`;
}

function knot({ own, port, names, zone, fakes }: Setting): string {
  return `server:
  rundir: ${own}
  listen: 127.0.0.1@${port}
  background-workers: 4
database:
  storage: ${own}/db
remote:
${fakes.map((fake, index) => `- id: fake${index}\n  address: 127.0.0.1@${fake.port}`).join('\n')}
template:
- id: default
  zonefile-sync: -1
  zonefile-load: whole
  journal-content: none
  semantic-checks: off
  notify: [${fakes.map((_, index) => `fake${index}`).join(', ')}]
zone:
${names.map((name) => `- domain: ${name}\n  file: ${zone}`).join('\n')}
`;
}
