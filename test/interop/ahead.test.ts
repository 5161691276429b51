import pg from 'pg';
import { afterAll, describe, inject, test } from 'vitest';
import { freshDatabase } from '../support/database.ts';
import {
  freePort,
  installed,
  SECONDARY_KINDS,
  type Secondary,
  startSecondary,
} from '../support/secondaries/index.ts';
import { type Service, startService } from '../support/service.ts';
import { until } from '../support/until.ts';

/**
 * Our database is restored from a backup, and a real secondary has newer versions than it knows of. NSD shows it by the IXFR that it
 * asks for; the others see an older serial and say nothing: what they have is learned by asking them for their SOA after a NOTIFY.
 */
describe('after a restore from backup', { concurrent: true, timeout: 240_000 }, () => {
  const stops: (() => Promise<unknown>)[] = [];
  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
  });

  for (const kind of SECONDARY_KINDS) {
    test.skipIf(!installed(kind))(`${kind} follows again`, async ({ expect }) => {
      const zone = `${kind}.test.`;
      const house = await openHouse();
      let service = await house.start();
      await service.cli(
        ...['zone', 'add', zone, '--primary', `ns1.${zone}`, '--contact', `h@${zone}`],
        ...['--refresh', '1', '--retry', '1'],
      );
      await service.cli('record', 'add', zone, 'www', 'A', '192.0.2.1');
      const port = await freePort();
      await service.cli('secondary', 'add', kind, '--address', `127.0.0.1:${port}`);
      const config = await service.cli('secondary', 'config', kind, '--for', kind);
      const secondary = await startSecondary(kind, { primary: service.dns, zones: [], port, config });
      stops.push(() => secondary.stop());
      await answers(secondary, zone, '192.0.2.1');

      await service.stop();
      await house.backUp();
      service = await house.start();
      for (let host = 2; host <= 5; host++) {
        await service.cli('record', 'set', zone, 'www', 'A', '--content', `192.0.2.${host}`);
        await answers(secondary, zone, `192.0.2.${host}`);
      }
      const lost = await secondary.serial(zone);

      await service.stop();
      await house.restore();
      service = await house.start();
      await service.cli('record', 'set', zone, 'www', 'A', '--content', '192.0.2.200');
      await answers(secondary, zone, '192.0.2.200');
      expect(await secondary.serial(zone)).toBeGreaterThan(lost ?? 0);
      expect((await secondary.content(zone)).size).toBe(3);
      expect(service.log()).toContain(`${kind} has ${zone} at serial ${lost}, newer than ours`);
    });
  }

  /** A service that can be started again, and its database, of which there can be a backup. */
  async function openHouse() {
    const database = await freshDatabase();
    stops.push(() => database.drop());
    const name = new URL(database.url).pathname.slice(1);
    const dnsPort = await freePort();
    const onServer = async (...statements: string[]) => {
      const client = new pg.Client({ connectionString: inject('databaseServer') });
      await client.connect();
      for (const statement of statements) await client.query(statement);
      await client.end();
    };
    return {
      url: database.url,
      start: async (): Promise<Service> => {
        const service = await startService({ databaseUrl: database.url, dnsPort });
        stops.push(() => service.stop());
        return service;
      },
      backUp: () => onServer(`create database ${name}_backup template ${name}`),
      restore: () =>
        onServer(`drop database ${name} with (force)`, `alter database ${name}_backup rename to ${name}`),
    };
  }

  async function answers(secondary: Secondary, zone: string, address: string): Promise<void> {
    await until(
      `${secondary.kind} answers ${address}`,
      async () => (await secondary.query(`www.${zone}`, 'A')).join() === address,
      { deadlineMs: 45_000, everyMs: 100, explain: () => secondary.log().split('\n').slice(-20).join('\n') },
    );
  }
});
