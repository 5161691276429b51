import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Secrets } from '../../src/store/secrets.ts';
import { freePort, installedKinds, type Secondary } from '../support/secondaries/index.ts';
import { type Service, startService } from '../support/service.ts';
import { type SystemPostgres, startSystemPostgres, systemPostgres } from '../support/system-postgres.ts';
import { all, dump, registerAll, restore, signs } from './drill.ts';

const programs = systemPostgres();
const ZONE = 'rotated.test.';
const WWW = `www.${ZONE}`;
const KEY = 'drill-key';
const newKey = () => randomBytes(32).toString('base64');

/**
 * The drill of docs/operations.md with a back-up from before a change of SECRET_KEY: its secrets are encrypted with one that is not set any
 * more, or not at all.
 */
describe.skipIf(programs === undefined)(
  'a back-up from before a change of SECRET_KEY',
  {
    timeout: 240_000,
  },
  () => {
    const stops: (() => Promise<unknown>)[] = [];
    const dnsPort = freePort();
    let postgres: SystemPostgres;
    let folder: string;
    let secondaries: Secondary[];
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'zoneferry-drill-'));
      stops.push(() => rm(folder, { recursive: true, force: true }));
      postgres = await startSystemPostgres(programs ?? '');
      stops.push(() => postgres.stop());
    }, 120_000);
    afterAll(async () => {
      for (const stop of stops.reverse()) await stop();
    });

    const start = async (database: string, keys: string): Promise<Service> => {
      const service = await startService({
        databaseUrl: postgres.url(database),
        dnsPort: await dnsPort,
        settings: keys === '' ? {} : { SECRET_KEY: keys },
      });
      stops.push(() => service.stop());
      return service;
    };
    const have = (address: string, service: Service) =>
      all(
        secondaries,
        `${WWW} ${address}`,
        async (one) => (await one.query(WWW, 'A')).join() === address,
        service,
      );
    const edit = async (service: Service, address: string) => {
      await service.cli('record', 'set', ZONE, 'www', 'A', '--content', address);
      await have(address, service);
    };
    const serials = () => Promise.all(secondaries.map((one) => one.serial(ZONE)));
    const secretIn = async (database: string): Promise<string> => {
      const client = new pg.Client({ connectionString: postgres.url(database) });
      await client.connect();
      const { rows } = await client.query('select secret from tsig_keys where name = $1', [KEY]);
      await client.end();
      return rows[0].secret;
    };
    /** All converge on what was restored, under serials that none of them had. */
    const goesOn = async (service: Service, address: string, ahead: readonly (number | undefined)[]) => {
      await have(address, service);
      for (const [index, serial] of (await serials()).entries())
        expect(serial).toBeGreaterThan(ahead[index] ?? Number.POSITIVE_INFINITY);
      expect(service.log()).toMatch(
        / has rotated\.test\. at serial \d+, newer than ours, .*publishing past it/,
      );
    };

    test('it denies until the key of then is given beside the new one, and then goes on by itself', async () => {
      const [old, now] = [newKey(), newKey()];
      const [plain, sealed] = [join(folder, 'plain.sql'), join(folder, 'sealed.sql')];
      await postgres.program('createdb', '--maintenance-db', postgres.url('postgres'), 'zoneferry');
      // at first there is no SECRET_KEY at all
      let service = await start('zoneferry', '');
      await service.cli('zone', 'add', ZONE, '--primary', `ns1.${ZONE}`, '--contact', `h@${ZONE}`);
      await service.cli('record', 'add', ZONE, 'www', 'A', '192.0.2.1');
      await service.cli('key', 'add', KEY);
      const kinds = installedKinds().filter((kind) => signs(kind) || kind === 'nsd');
      secondaries = await registerAll(service, KEY, (stop) => stops.push(stop), kinds);
      await have('192.0.2.1', service);
      await dump(postgres, 'zoneferry', plain);
      const secret = await secretIn('zoneferry');
      await service.stop();

      service = await start('zoneferry', old);
      await edit(service, '192.0.2.2');
      await dump(postgres, 'zoneferry', sealed);
      await service.stop();

      // as docs/operations.md has it
      service = await start('zoneferry', `${now},${old}`);
      await service.cli('key', 'seal');
      await edit(service, '192.0.2.3');
      await service.stop();
      service = await start('zoneferry', now);
      expect(await secretIn('zoneferry')).toMatch(new RegExp(`^${new Secrets([now]).prefix}`));
      for (const address of ['192.0.2.4', '192.0.2.5', '192.0.2.6']) await edit(service, address);
      await service.stop();
      const ahead = await serials();

      await restore(postgres, sealed, 'restored');
      // a platform may write another one, before it is started
      const client = new pg.Client({ connectionString: postgres.url('restored') });
      await client.connect();
      await client.query("insert into tsig_keys (name, secret) values ('by-sql', $1)", [secret]);
      const listening = createSocket('udp4');
      stops.push(async () => listening.close());
      const told: number[] = [];
      await new Promise<void>((resolve) => listening.bind(0, '127.0.0.1', resolve));
      listening.on('message', () => told.push(1));
      await client.query(
        "insert into secondaries (name, addresses, keys) values ('listening', array[$1], array[$2])",
        [`127.0.0.1:${listening.address().port}`, KEY],
      );
      const before = await client.query('select name, secret from tsig_keys order by name');
      for (let time = 0; time < 2; time++) {
        const refused = await start('restored', now).then(
          () => 'it started',
          (error: Error) => error.message,
        );
        expect(refused).toMatch(
          /^error: SECRET_KEY: got another one, takes the one that .* \(1 can't be opened: drill-key\); .* NEW,OLD opens both$/m,
        );
      }
      expect((await client.query('select name, secret from tsig_keys order by name')).rows).toEqual(
        before.rows,
      );
      await client.end();
      expect(told, 'nobody is told anything, above all not without a signature').toEqual([]);
      expect(await serials()).toEqual(ahead);

      service = await start('restored', `${now},${old}`);
      await goesOn(service, '192.0.2.2', ahead);
      expect(await secretIn('restored')).toMatch(new RegExp(`^${new Secrets([now]).prefix}`));
      await service.stop();
      service = await start('restored', now);
      expect(await service.cli('key', 'show', KEY)).toContain(secret);
      await edit(service, '192.0.2.7');
      const later = await serials();
      await service.stop();

      // the other way about: a back-up from before there was any
      await restore(postgres, plain, 'older');
      expect(await secretIn('older')).toBe(secret);
      service = await start('older', now);
      await goesOn(service, '192.0.2.1', later);
      expect(await secretIn('older')).toMatch(new RegExp(`^${new Secrets([now]).prefix}`));
      await edit(service, '192.0.2.8');
    });
  },
);
