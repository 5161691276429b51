import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pruneJournal } from '../../src/store/maintenance.ts';
import { createPool } from '../../src/store/pool.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import {
  differences,
  exportedSet,
  freePort,
  installedKinds,
  type Secondary,
  startSecondary,
} from '../support/secondaries/index.ts';
import { type Service, startService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { Upstream } from '../support/upstream.ts';
import { CHANGES, FIRST_ZONE, TARGET, ZONE } from './thirty-changes.ts';

/** What our own log tells of one answer with data. */
interface Served {
  secondary: string;
  asked: string;
  given: string;
  fromSerial?: number;
  serial: number;
  key?: string;
}

/** PowerDNS is set up for full transfers: after an incremental one it answers changed names empty. */
const TAKES_IXFR = { bind: true, nsd: true, knot: true, powerdns: false };

/**
 * Real secondaries go along with thirty changes of one zone, one at a time. After each, what every one of them holds is compared
 * with what the service exports, and how it came to have it with the service's own log. Then they are put through what befalls
 * secondaries: away for a while, away for longer than the journal lasts, their data lost.
 */
describe('thirty changes in a row', { timeout: 240_000 }, () => {
  let database: FreshDatabase;
  let upstream: Upstream;
  let service: Service;
  let operator: pg.Client;
  const secondaries: Secondary[] = [];
  let serial: number;

  beforeAll(async () => {
    database = await freshDatabase();
    upstream = await Upstream.start();
    upstream.set(TARGET, { A: ['198.51.100.1'], AAAA: ['2001:db8:1::1'], ttl: 1 });
    service = await startService({ databaseUrl: database.url, resolver: upstream.endpoint });
    operator = new pg.Client({ connectionString: database.url });
    await operator.connect();
    const file = join(service.folder, 'zone');
    await writeFile(file, FIRST_ZONE);
    await service.cli('zone', 'import', file, '--origin', ZONE);
    await Promise.all(
      installedKinds().map(async (kind) => {
        const port = await freePort();
        // they come from one address: the key tells them apart
        await service.cli('key', 'add', `${kind}-key`);
        await service.cli('secondary', 'add', kind, '--address', `127.0.0.1:${port}`, '--key', `${kind}-key`);
        const config = await service.cli('secondary', 'config', kind, '--for', kind);
        secondaries.push(await startSecondary(kind, { primary: service.dns, zones: [ZONE], port, config }));
      }),
    );
    serial = await publishedSerial();
  }, 120_000);

  afterAll(async () => {
    await Promise.all(secondaries.map((secondary) => secondary.stop()));
    await operator?.end();
    await service?.stop();
    await upstream?.close();
    await database?.drop();
  });

  test('each is followed by IXFR where the server takes it, and content is equal after each', async () => {
    await allEqual();
    expect(CHANGES).toHaveLength(30);
    for (const change of CHANGES) {
      const before = serial;
      await apply(change);
      await allEqual();
      for (const { kind } of secondaries) {
        const transfers = transfersOf(kind, serial);
        const due = TAKES_IXFR[kind]
          ? { given: 'IXFR', fromSerial: before, key: `${kind}-key.` }
          : { given: 'AXFR', key: `${kind}-key.` };
        // PowerDNS may look twice
        const given = TAKES_IXFR[kind] ? transfers : transfers.slice(0, 1);
        expect(given, `${kind}, "${change.what}"`).toEqual([expect.objectContaining(due)]);
      }
    }
  });

  test('away for five changes: caught up by one IXFR', async () => {
    const before = serial;
    await haltAll();
    for (let host = 1; host <= 5; host++) await apply(edit(host));
    await Promise.all(secondaries.map((secondary) => secondary.start()));
    await allEqual();
    for (const { kind } of secondaries.filter(({ kind }) => TAKES_IXFR[kind]))
      expect(transfersSince(kind, before), kind).toEqual([
        expect.objectContaining({ asked: 'IXFR', given: 'IXFR', fromSerial: before, serial: before + 5 }),
      ]);
  });

  test('away for longer than the journal lasts: the whole zone in reply to IXFR', async () => {
    const before = serial;
    await haltAll();
    for (let host = 11; host <= 13; host++) await apply(edit(host));
    const pool = createPool(database.url);
    expect(await pruneJournal(pool, { versions: 2, days: 30, bytes: 1e9 })).toBeGreaterThan(30);
    await pool.end();
    await Promise.all(secondaries.map((secondary) => secondary.start()));
    await allEqual();
    for (const { kind } of secondaries.filter(({ kind }) => TAKES_IXFR[kind]))
      expect(transfersSince(kind, before), kind).toEqual([
        expect.objectContaining({ asked: 'IXFR', given: 'AXFR-style IXFR', fromSerial: before, serial }),
      ]);
    // and from there on as before
    await apply(edit(14));
    await allEqual();
    for (const { kind } of secondaries.filter(({ kind }) => TAKES_IXFR[kind]))
      expect(transfersOf(kind, serial), kind).toEqual([expect.objectContaining({ given: 'IXFR' })]);
  });

  test('data lost: the whole zone by AXFR', async () => {
    await haltAll();
    await apply(edit(21));
    const since = serial - 1;
    await Promise.all(secondaries.map((secondary) => secondary.start({ empty: true })));
    await allEqual();
    for (const { kind } of secondaries)
      expect(transfersSince(kind, since)[0], kind).toMatchObject({ asked: 'AXFR', given: 'AXFR', serial });
  });

  async function haltAll(): Promise<void> {
    // NSD starts again from its zone file, which it writes now and then
    const nsd = secondaries.find(({ kind }) => kind === 'nsd');
    if (nsd)
      await until('NSD has written the zone', async () =>
        (await readFile(join(nsd.folder, `${ZONE}zone`), 'utf8')).includes(` ${serial} `),
      );
    await Promise.all(secondaries.map((secondary) => secondary.halt()));
  }

  const edit = (host: number) => ({
    what: `host ${host}`,
    sql: `update records set content = '192.0.2.${host}' where name = 'www.${ZONE}' and type = 'A'`,
  });

  /** One change, which spends one serial. */
  async function apply(change: { what: string; sql?: string; place?: { A: string[]; AAAA: string[] } }) {
    if (change.place) upstream.set(TARGET, { ...change.place, ttl: 1 });
    if (change.sql) await operator.query(`begin; ${change.sql}; commit`);
    await until(`"${change.what}" is published`, async () => (await publishedSerial()) !== serial);
    expect(await publishedSerial(), change.what).toBe(serial + 1);
    serial++;
  }

  async function publishedSerial(): Promise<number> {
    const { rows } = await operator.query('select published_serial from zones where name = $1', [ZONE]);
    return Number(rows[0]?.published_serial);
  }

  /** Every secondary has the newest serial, and exactly what the service exports. */
  async function allEqual(): Promise<void> {
    const expected = exportedSet(await service.cli('zone', 'export', ZONE));
    await Promise.all(
      secondaries.map(async (secondary) => {
        await until(
          `${secondary.kind} has serial ${serial}`,
          async () => (await secondary.serial(ZONE)) === serial,
          {
            deadlineMs: 60_000,
            everyMs: 50,
            explain: () => `${lastLines(secondary.log())}\n${lastLines(service.log())}`,
          },
        );
        expect(differences(await secondary.content(ZONE), expected), secondary.kind).toEqual([]);
      }),
    );
  }

  /** Transfers that were given whole, after which the secondary had that serial; polls are none. */
  function transfersOf(kind: string, of: number): Served[] {
    return transfersSince(kind, of - 1).filter((served) => served.serial === of);
  }

  function transfersSince(kind: string, since: number): Served[] {
    return service
      .log()
      .split('\n')
      .filter((line) => line.includes(' ended: '))
      .map((line) => JSON.parse(line) as Served)
      .filter((served) => served.secondary === kind && served.serial > since);
  }
});

function lastLines(log: string): string {
  return log.split('\n').slice(-25).join('\n');
}
