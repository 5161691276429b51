import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { startEmbedded } from '../../src/embedded/index.ts';
import { freePort, type Secondary } from '../support/secondaries/index.ts';
import { type Service, startService } from '../support/service.ts';
import { type SystemPostgres, startSystemPostgres, systemPostgres } from '../support/system-postgres.ts';
import { until } from '../support/until.ts';
import { Upstream } from '../support/upstream.ts';
import { all, dump, registerAll, restore } from './drill.ts';

const execute = promisify(execFile);
const programs = systemPostgres();
const ZONE = 'restored.test.';
const FOLLOWING = 'following.test.';
const QUIET = 'quiet.test.';
/** All is told and answered when it is dumped; it changes afterwards. */
const LATER = 'later.test.';
const ZONES = [ZONE, FOLLOWING, QUIET, LATER];

/**
 * The drill of docs/operations.md: pg_dump while it runs, changes go on and secondaries take them, the dump is restored with psql into a database that
 * is empty, the service starts on it. Nobody touches a secondary or edits anything; all of them come to what was restored.
 */
describe('back-up and restore', { timeout: 240_000 }, () => {
  const stops: (() => Promise<unknown>)[] = [];
  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
  });

  test('of the folder of the embedded database, stopped: the same', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'zoneferry-drill-'));
    stops.push(() => rm(folder, { recursive: true, force: true }));
    // for root: the database's user has to pass through
    await chmod(folder, 0o711);
    const dnsPort = await freePort();
    const start = async () => {
      const database = await startEmbedded(folder);
      const service = await startService({ databaseUrl: database.url, dnsPort });
      const stop = async () => {
        await service.stop();
        await database.leave();
      };
      stops.push(stop);
      return { service, stop };
    };
    const first = await start();
    await first.service.cli('zone', 'add', ZONE, '--primary', `ns1.${ZONE}`, '--contact', `h@${ZONE}`);
    await first.service.cli('record', 'add', ZONE, 'www', 'A', '192.0.2.1');
    const secondaries = await startAll(first.service);
    const answers = (address: string, service: Service) =>
      all(
        secondaries,
        address,
        async (one) => (await one.query(`www.${ZONE}`, 'A')).join() === address,
        service,
      );
    await answers('192.0.2.1', first.service);
    await first.stop();
    const [data, copy] = [join(folder, '.zoneferry'), join(folder, 'copy')];
    await execute('cp', ['-a', data, copy]);

    const second = await start();
    for (const address of ['192.0.2.2', '192.0.2.3', '192.0.2.4']) {
      await second.service.cli('record', 'set', ZONE, 'www', 'A', '--content', address);
      await answers(address, second.service);
    }
    const before = await Promise.all(secondaries.map((one) => one.serial(ZONE)));
    await second.stop();
    await rm(data, { recursive: true });
    await execute('cp', ['-a', copy, data]);

    const third = await start();
    await answers('192.0.2.1', third.service);
    for (const [index, one] of secondaries.entries())
      expect(await one.serial(ZONE)).toBeGreaterThan(before[index] ?? Number.POSITIVE_INFINITY);
    await third.stop();
  });

  test.skipIf(programs === undefined)(
    'by pg_dump and psql: secondaries that are ahead are noticed, passed and come back alone',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'zoneferry-drill-'));
      stops.push(() => rm(folder, { recursive: true, force: true }));
      const postgres = await startSystemPostgres(programs ?? '');
      stops.push(() => postgres.stop());
      const upstream = await Upstream.start();
      stops.push(() => upstream.close());
      upstream.set('target.example.', { A: ['198.51.100.1'], ttl: 1 });
      const dnsPort = await freePort();
      const secretKey = randomBytes(32).toString('base64');
      const start = async (database: string): Promise<Service> => {
        const service = await startService({
          databaseUrl: postgres.url(database),
          dnsPort,
          resolver: upstream.endpoint,
          settings: { SECRET_KEY: secretKey },
        });
        stops.push(() => service.stop());
        return service;
      };

      await postgres.program('createdb', '--maintenance-db', postgres.url('postgres'), 'zoneferry');
      let service = await start('zoneferry');
      for (const zone of ZONES) {
        await service.cli('zone', 'add', zone, '--primary', `ns1.${zone}`, '--contact', `h@${zone}`);
        await service.cli('record', 'add', zone, 'www', 'A', '192.0.2.1');
      }
      await service.cli('record', 'add', FOLLOWING, 'app', 'ALIAS', 'target.example.');
      await service.cli('key', 'add', 'drill-key');
      const secondaries = await startAll(service, 'drill-key');
      const watch = new Watch(secondaries);
      stops.push(() => watch.stop());
      for (const zone of ZONES)
        await all(
          secondaries,
          `the first content of ${zone}`,
          async (one) => (await one.query(`www.${zone}`, 'A')).join() === '192.0.2.1',
        );

      // a dump is one moment, while edits go on
      const file = join(folder, 'zoneferry.sql');
      await edits(postgres, 2, 9);
      await all(
        secondaries,
        'the content before the dump',
        async (one) => (await one.query(`www.${ZONE}`, 'A')).join() === '192.0.2.9',
      );
      const dumping = dump(postgres, 'zoneferry', file);
      await edits(postgres, 10, 30);
      await dumping;
      await edits(postgres, 31, 40);
      await edits(postgres, 31, 40, LATER);
      upstream.set('target.example.', { A: ['198.51.100.2'], ttl: 1 });
      await all(
        secondaries,
        'the content after the dump',
        async (one) => (await one.query(`www.${ZONE}`, 'A')).join() === '192.0.2.40',
      );
      await all(
        secondaries,
        'the target that moved',
        async (one) => (await one.query(`app.${FOLLOWING}`, 'A')).join() === '198.51.100.2',
      );
      await all(
        secondaries,
        'what changed later',
        async (one) => (await one.query(`www.${LATER}`, 'A')).join() === '192.0.2.40',
      );
      const serials = (zone: string) => Promise.all(secondaries.map((one) => one.serial(zone)));
      const ahead = { [ZONE]: await serials(ZONE), [LATER]: await serials(LATER) };
      await service.stop();

      // what the operator does
      await restore(postgres, file, 'restored');
      const restored = await content(postgres, 'restored');
      expect(restored.www, 'edits after the dump are lost').not.toBe('192.0.2.40');
      service = await start('restored');

      await all(
        secondaries,
        `${restored.www}, which was restored`,
        async (one) => (await one.query(`www.${ZONE}`, 'A')).join() === restored.www,
        service,
      );
      await all(
        secondaries,
        'the target as it is now',
        async (one) => (await one.query(`app.${FOLLOWING}`, 'A')).join() === '198.51.100.2',
        service,
      );
      await all(
        secondaries,
        'what nobody edited since',
        async (one) => (await one.query(`www.${LATER}`, 'A')).join() === '192.0.2.1',
        service,
      );
      for (const [zone, before] of Object.entries(ahead))
        for (const [index, serial] of (await serials(zone)).entries())
          expect(serial).toBeGreaterThan(before[index] ?? Number.POSITIVE_INFINITY);
      expect(service.log()).toMatch(
        new RegExp(
          `has ${ZONE} at serial \\d+, newer than ours, \\d+, and would take no change: publishing past it`,
        ),
      );
      await until('the ledger has seen all of it', () => settled(postgres), { deadlineMs: 60_000 });
      expect(await service.cli('zone', 'history', ZONE)).toMatch(/is ahead at \d+/);
      // what nobody was ahead of keeps its serial
      for (const one of secondaries)
        expect(await one.serial(QUIET)).toBe((await content(postgres, 'restored')).quietSerial);

      // TSIG goes on with the secret of the dump, which SECRET_KEY opens: an edit reaches who has a key too
      await service.cli('record', 'set', ZONE, 'www', 'A', '--content', '192.0.2.200');
      await all(
        secondaries,
        'an edit after the restore',
        async (one) => (await one.query(`www.${ZONE}`, 'A')).join() === '192.0.2.200',
        service,
      );
      await watch.stop();
      expect(watch.samples).toBeGreaterThan(50);
      expect(watch.faults, 'a serial stood for two contents, or went back').toEqual([]);

      // without the key, or with another, it says so
      await service.stop();
      const without = await startService({ databaseUrl: postgres.url('restored') }).then(
        (started) => started.stop().then(() => 'it started'),
        (error: Error) => error.message,
      );
      expect(without).toMatch(/SECRET_KEY/);
    },
  );

  async function startAll(service: Service, key?: string): Promise<Secondary[]> {
    return registerAll(service, key, (stop) => stops.push(stop));
  }
});

/** One edit after another, so that each is a serial of its own or shares one. */
async function edits(postgres: SystemPostgres, from: number, to: number, zone = ZONE): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.url('zoneferry') });
  await client.connect();
  for (let host = from; host <= to; host++) {
    await client.query(`update records set content = $1 where name = $2 and type = 'A'`, [
      `192.0.2.${host}`,
      `www.${zone}`,
    ]);
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  await client.end();
}

async function content(
  postgres: SystemPostgres,
  database: string,
): Promise<{ www: string; quietSerial: number }> {
  const client = new pg.Client({ connectionString: postgres.url(database) });
  await client.connect();
  const { rows } = await client.query(
    `select (select content from records where name = $1 and type = 'A') as www, (select published_serial::integer from zones where name = $2) as "quietSerial"`,
    [`www.${ZONE}`, QUIET],
  );
  await client.end();
  return rows[0];
}

/** Whether every secondary was seen to serve every zone. */
async function settled(postgres: SystemPostgres): Promise<boolean> {
  const client = new pg.Client({ connectionString: postgres.url('restored') });
  await client.connect();
  const { rows } = await client.query(
    `select not exists (select from zones z cross join secondaries s where not exists (
       select from convergence c where c.zone_id = z.id and c.secondary_id = s.id and c.serial = z.published_serial and c.serving_at is not null and c.differs is null))
       and not exists (select from serials_ahead a join zones z on z.id = a.zone_id where zoneferry_newer(a.serial, z.published_serial)) as settled`,
  );
  await client.end();
  return rows[0].settled;
}

/** Looks at all secondaries all the time: a serial never goes back, and stands for one content with all of them. */
class Watch {
  readonly faults: string[] = [];
  samples = 0;
  readonly #contents = new Map<number, string>();
  readonly #running: Promise<unknown>;
  #stopped = false;

  constructor(secondaries: readonly Secondary[]) {
    this.#running = Promise.all(secondaries.map((one) => this.#follow(one)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #follow(one: Secondary): Promise<void> {
    for (let last = 0; !this.#stopped; ) {
      const records = await one.content(ZONE).catch(() => undefined);
      if (records === undefined) continue;
      const soa = [...records].find((record) => record.includes(' TYPE6 '));
      const hex = soa?.split(' ').at(-1) ?? '';
      const serial = Number.parseInt(hex.slice(-40, -32), 16);
      if (!Number.isInteger(serial)) continue;
      this.samples++;
      if (serial < last) this.faults.push(`${one.kind} went from ${last} back to ${serial}`);
      last = serial;
      const text = [...records].sort().join('\n');
      const known = this.#contents.get(serial);
      if (known === undefined) this.#contents.set(serial, text);
      else if (known !== text)
        this.faults.push(`${one.kind} has serial ${serial} with\n${text}\nand it was\n${known}`);
    }
  }
}
