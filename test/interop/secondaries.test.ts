import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { parseRdata } from '../../src/dns/rdata/index.ts';
import { TYPE } from '../../src/dns/types.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import {
  canonicalRecord,
  differences,
  exportedSet,
  freePort,
  installed,
  SECONDARY_KINDS,
  type Secondary,
  startSecondary,
} from '../support/secondaries/index.ts';
import { startReferencePrimary } from '../support/secondaries/reference-primary.ts';
import { type Service, startService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { Upstream } from '../support/upstream.ts';

const FIXTURE = new URL('../fixtures/all-types.zone', import.meta.url);

/** Where the target points in turn: the first, and three moves. */
const PLACES: { A: string[]; AAAA: string[] }[] = [
  { A: ['198.51.100.1'], AAAA: ['2001:db8:1::1'] },
  { A: ['198.51.100.2'], AAAA: ['2001:db8:1::1'] },
  { A: ['198.51.100.3', '203.0.113.3', '203.0.113.4'], AAAA: ['2001:db8:1::3'] },
  { A: ['203.0.113.4'], AAAA: ['2001:db8:1::4', '2001:db8:1::5'] },
];

/** What a server never has of a zone, whoever its primary is: PowerDNS leaves out DNSKEY records that it has no key for. */
const LEFT_OUT: Partial<Record<string, RegExp>> = { powerdns: / TYPE48 / };

const CASES = SECONDARY_KINDS.flatMap((kind) => [
  { kind, access: 'by address', algorithm: undefined },
  { kind, access: 'with TSIG', algorithm: 'hmac-sha256' },
]);

/**
 * Each real server, set up as `zoneferry secondary config` says, pulls a zone of every type, and goes along with three moves
 * of the target of its ALIAS records without anything else being done. What it holds is compared as a set with two
 * descriptions of what it should hold: Knot's reading of the zone file with the addresses put in by this test, and the
 * service's own export.
 */
describe('a real secondary follows an ALIAS', { concurrent: true, timeout: 180_000 }, () => {
  let database: FreshDatabase;
  let upstream: Upstream;
  let service: Service;
  const secondaries: Secondary[] = [];

  beforeAll(async () => {
    database = await freshDatabase();
    upstream = await Upstream.start();
    service = await startService({ databaseUrl: database.url, resolver: upstream.endpoint });
  });

  afterAll(async () => {
    for (const secondary of secondaries) await secondary.stop();
    await service?.stop();
    await upstream?.close();
    await database?.drop();
  });

  for (const { kind, access, algorithm } of CASES) {
    test.skipIf(!installed(kind) || !installed('knot'))(
      `${kind} ${access}: every type, three moves`,
      async ({ expect }) => {
        const label = `${kind}-${algorithm ?? 'plain'}`;
        const zone = `${label}.test.`;
        const target = `cdn.${label}.example.net.`;
        const file = await zoneFile(zone, target);
        upstream.set(target, { ...PLACES[0]!, ttl: 1 });
        await service.cli('zone', 'import', file);
        const secondary = await register(kind, label, zone, algorithm);
        const fixed = await readByKnot(zone, await readFile(file, 'utf8'));

        for (const place of PLACES) {
          upstream.set(target, { ...place, ttl: 1 });
          await until(
            `${label} answers ${place.A} and ${place.AAAA}`,
            async () =>
              same(await secondary.query(zone, 'A'), place.A) &&
              same(await secondary.query(zone, 'AAAA'), place.AAAA),
            {
              everyMs: 100,
              explain: () => `${lastLines(secondary.log())}\n${lastLines(service.log(), zone)}`,
            },
          );
          expect(await secondary.query(`any.edge.${zone}`, 'A')).toEqual([...place.A].sort());

          const exported = exportedSet(await service.cli('zone', 'export', zone));
          const expected = new Set([...fixed, ...flattened(zone, place), soaOf(exported)]);
          expect(differences(exported, expected)).toEqual([]);
          const leftOut = LEFT_OUT[kind];
          const due = new Set([...expected].filter((record) => !leftOut?.test(record)));
          expect(differences(await secondary.content(zone), due)).toEqual([]);
        }
      },
    );
  }

  /** Registers a secondary at a free port and starts it with the configuration that is printed for it. */
  async function register(
    kind: Secondary['kind'],
    label: string,
    zone: string,
    algorithm: string | undefined,
  ): Promise<Secondary> {
    const port = await freePort();
    const keyOptions = algorithm ? ['--key', `${label}-key`] : [];
    if (algorithm) await service.cli('key', 'add', `${label}-key`, '--algorithm', algorithm);
    await service.cli(
      'secondary',
      'add',
      label,
      '--address',
      `127.0.0.1:${port}`,
      '--zones',
      zone,
      ...keyOptions,
    );
    const config = await service.cli('secondary', 'config', label, '--for', kind);
    const secondary = await startSecondary(kind, { primary: service.dns, zones: [zone], port, config });
    secondaries.push(secondary);
    return secondary;
  }

  async function zoneFile(zone: string, target: string): Promise<string> {
    const text = (await readFile(FIXTURE, 'utf8'))
      .replaceAll('all-types.test.', zone)
      .replaceAll('cdn.example.net.', target);
    const file = join(service.folder, `${zone}zone`);
    await writeFile(file, text);
    return file;
  }
});

/** The records of the file that are no ALIAS, in Knot's reading, without the SOA. */
async function readByKnot(zone: string, text: string): Promise<string[]> {
  const standard = text
    .split('\n')
    .filter((line) => !/\s(ALIAS|ANAME)\s+cdn\./.test(line))
    .join('\n');
  const knot = await startReferencePrimary(zone, standard);
  try {
    return [...(await knot.content())].filter((record) => !record.includes(' TYPE6 '));
  } finally {
    await knot.stop();
  }
}

/** What the three ALIAS records of the file become: the addresses, with the target's TTL of one second. */
function flattened(zone: string, place: { A: string[]; AAAA: string[] }): string[] {
  return [zone, `www.${zone}`, `*.edge.${zone}`].flatMap((owner) => [
    ...place.A.map((ip) => canonicalRecord(owner, 1, TYPE.A, parseRdata(TYPE.A, ip))),
    ...place.AAAA.map((ip) => canonicalRecord(owner, 1, TYPE.AAAA, parseRdata(TYPE.AAAA, ip))),
  ]);
}

function soaOf(records: Set<string>): string {
  return [...records].find((record) => record.includes(' TYPE6 ')) ?? 'no SOA';
}

/** The end of a log, or of what it says of one zone. */
function lastLines(log: string, about = ''): string {
  const lines = log.split('\n').filter((line) => line.includes(about));
  return lines.slice(-25).join('\n');
}

function same(found: string[], expected: string[]): boolean {
  return found.join() === [...expected].sort().join();
}
