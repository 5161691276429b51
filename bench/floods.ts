/**
 * Floods by strangers, one after the other, against one service: what a registered secondary and the API's user wait meanwhile, and the
 * service's memory before, at most, and after: `npm run bench -- floods [--count 10000] [--seconds 5] [--only WORDS] [--tls]`, with `--tls` those of
 * the doors that speak TLS. Its own PostgreSQL is started.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { removeEmbedded, startEmbedded } from '../src/embedded/index.ts';
import { dnsFloods } from '../test/abuse/floods/dns.ts';
import { httpFloods } from '../test/abuse/floods/http.ts';
import { type FloodOrder, type Kind, type Measured, measure } from '../test/abuse/floods/measure.ts';
import { openSecureStage, openStage } from '../test/abuse/floods/stage.ts';
import { tlsFloods } from '../test/abuse/floods/tls.ts';
import { printMachine } from './small/table.ts';

const { values: given } = parseArgs({
  options: {
    count: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    tls: { type: 'boolean', default: false },
  },
});
const MB = 1024 * 1024;
const count = Number(given.count);
const floods = (
  given.tls
    ? [...Object.keys(tlsFloods).map((name) => ({ at: 'tls', name, count }) as const)]
    : [
        ...Object.keys(dnsFloods).map((name) => ({ at: 'dns', name, count }) as const),
        ...Object.keys(httpFloods).map((name) => ({ at: 'http', name, count }) as const),
      ]
).filter(({ name }) => name.includes(given.only));

const folder = await mkdtemp(join(tmpdir(), 'zoneferry-bench-floods-'));
const database = await startEmbedded(folder);
const stage = given.tls
  ? await openSecureStage(2_000, database.url)
  : await openStage(2_000, {}, database.url);
try {
  printMachine();
  console.log(
    '| flood | SOA over UDP, ms p50 / p99 / max | SOA over TCP | AXFR of 2,000 records | AXFR over TLS | API | not answered | memory before / at most / after, MB |\n| --- | --- | --- | --- | --- | --- | --- | --- |',
  );
  row('none', await measure(stage, undefined, { forMs: 1_000 * Number(given.seconds) }));
  for (const flood of floods) {
    const measured = await measure(stage, flood, { forMs: 1_000 * Number(given.seconds), timeoutMs: 20_000 });
    row(`${nameOf(flood)}: ${measured.done}`, measured);
  }
} finally {
  await stage.close();
  await database.leave();
  await removeEmbedded(folder);
  await rm(folder, { recursive: true, force: true });
}

function nameOf({ at, name }: Omit<FloodOrder, 'to'>): string {
  return `${at.toUpperCase()}, ${name}`;
}

function row(what: string, { answered, failed, memory }: Measured): void {
  const kinds: Kind[] = ['SOA over UDP', 'SOA over TCP', 'AXFR', 'AXFR over TLS', 'API'];
  const megabytes = [memory.before, memory.peak, memory.after].map((octets) => Math.round(octets / MB));
  console.log(
    `| ${[what, ...kinds.map((kind) => times(answered[kind] ?? [])), failed.length, megabytes.join(' / ')].join(' | ')} |`,
  );
}

function times(all: readonly number[]): string {
  const sorted = [...all].sort((a, b) => a - b);
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN).toFixed(1);
  return `${at(0.5)} / ${at(0.99)} / ${at(1)}`;
}
