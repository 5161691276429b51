import { afterAll, beforeAll, describe, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { transfer } from '../support/secondaries/dig.ts';
import {
  differences,
  freePort,
  installed,
  type Secondary,
  type SecondaryKind,
  startSecondary,
} from '../support/secondaries/index.ts';
import { type Service, startService } from '../support/service.ts';
import { until } from '../support/until.ts';

/** PowerDNS 4.7 pulls members unsigned, so that it can have no key here. */
const CASES: { kind: SecondaryKind; key: boolean }[] = [
  { kind: 'bind', key: true },
  { kind: 'bind', key: false },
  { kind: 'knot', key: true },
  { kind: 'knot', key: false },
  { kind: 'powerdns', key: false },
];

/**
 * RFC 9432 with real consumers, each set up as `zoneferry secondary config --catalog` says: what is added here appears there
 * with all its content, what changes follows, and what is deleted goes, while nobody touches their configuration.
 */
describe('a catalog consumer', { concurrent: true, timeout: 240_000 }, () => {
  let database: FreshDatabase;
  let service: Service;
  const secondaries: Secondary[] = [];

  beforeAll(async () => {
    database = await freshDatabase();
    service = await startService({ databaseUrl: database.url });
  });

  afterAll(async () => {
    for (const secondary of secondaries) await secondary.stop();
    await service?.stop();
    await database?.drop();
  });

  for (const { kind, key } of CASES) {
    const label = `${kind}-${key ? 'key' : 'plain'}`;
    test.skipIf(!installed(kind))(`${label}: zones come, change and go`, async ({ expect }) => {
      const [first, second] = [`first.${label}.test.`, `second.${label}.test.`];
      const catalog = `catalog.${label}.test.`;
      await addZone(first);
      const port = await freePort();
      if (key) await service.cli('key', 'add', `${label}-key`);
      await service.cli(
        ...['secondary', 'add', label, '--address', `127.0.0.1:${port}`, '--catalog', catalog],
        ...['--zones', `${first},${second}`, ...(key ? ['--key', `${label}-key`] : [])],
      );
      const config = await service.cli('secondary', 'config', label, '--for', kind, '--catalog');
      const secondary = await startSecondary(kind, { primary: service.dns, zones: [], port, config });
      secondaries.push(secondary);
      const here = () => `${secondary.log()}\n${service.log().split('\n').slice(-30).join('\n')}`;
      const holds = (zone: string, address: string) =>
        until(
          `${label} answers ${address} for www.${zone}`,
          async () => (await secondary.query(`www.${zone}`, 'A')).join() === address,
          { deadlineMs: 60_000, everyMs: 100, explain: here },
        );
      await holds(first, '192.0.2.1');

      await addZone(second);
      await holds(second, '192.0.2.1');
      expect(differences(await secondary.content(second), await exported(second))).toEqual([]);

      await service.cli('record', 'set', second, 'www', 'A', '--content', '192.0.2.2');
      await holds(second, '192.0.2.2');

      await service.cli('zone', 'delete', first);
      await until(
        `${label} has ${first} no more`,
        async () => (await secondary.serial(first)) === undefined,
        { deadlineMs: 60_000, everyMs: 100, explain: here },
      );
      await holds(second, '192.0.2.2');

      await addZone(first);
      await holds(first, '192.0.2.1');
    });
  }

  async function addZone(zone: string): Promise<void> {
    await service.cli('zone', 'add', zone, '--primary', `ns1.${zone}`, '--contact', `h@${zone}`);
    await service.cli('record', 'add', zone, 'www', 'A', '192.0.2.1');
  }

  /** What this service itself gives, to a secondary of its own. */
  async function exported(zone: string): Promise<Set<string>> {
    await service.cli(
      'secondary',
      'add',
      `reader-${zone}`.slice(0, -1),
      '--address',
      '127.0.0.1:9',
      '--zones',
      zone,
      '--no-notify',
    );
    return until(`${zone} is given`, () =>
      transfer({ address: service.dns.ip, port: service.dns.port }, zone),
    );
  }
});
