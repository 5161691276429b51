import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, expect, test } from 'vitest';
import { soaSerial } from '../../src/dns/rdata/index.ts';
import { TYPE } from '../../src/dns/types.ts';
import { LyingSecondary } from '../notify/lying-secondary.ts';
import { copyData, OwnPostgres } from '../support/own-postgres.ts';
import { startService } from '../support/service.ts';
import { axfr } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';

/** A fail-over to a PostgreSQL that lacks the last commits of the one before, while the service runs. */

const EDITED = 'edited.test.';
const QUIET = 'quiet.test.';
const stops: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
});

test('no serial stands for two contents where a server takes over without the last commits', {
  timeout: 240_000,
}, async () => {
  const postgres = await OwnPostgres.start();
  stops.push(() => postgres.close());
  const ns1 = await LyingSecondary.start();
  stops.push(() => ns1.close());
  ns1.follows = 'newer';
  const service = await startService({ databaseUrl: postgres.url });
  stops.push(() => service.stop());
  const sql = (text: string, values: unknown[] = []) =>
    until(text, async () => {
      const client = new pg.Client({ connectionString: postgres.url });
      client.on('error', () => {});
      await client.connect();
      return client.query(text, values).finally(() => client.end());
    });
  const edit = (zone: string, address: string) =>
    sql('update records set content = $2 where name = $1', [`www.${zone}`, address]);
  const served = async (zone: string) => {
    const { result } = await axfr({ host: service.dns.ip, port: service.dns.port, zone });
    if (result.kind !== 'axfr') throw new Error(result.kind);
    const addresses = result.records
      .filter(({ type }) => type === TYPE.A)
      .map(({ rdata }) => rdata.join('.'));
    return { serial: soaSerial(result.soa.rdata), addresses };
  };
  const serves = (zone: string, address: string) =>
    until(
      `${zone} is served with ${address}, and the secondary has it`,
      async () => {
        const { serial, addresses } = await served(zone);
        return addresses.join() === address && ns1.serials.get(zone) === serial && serial;
      },
      { deadlineMs: 60_000, everyMs: 100, explain: () => service.log().slice(-4_000) },
    );

  for (const zone of [EDITED, QUIET]) {
    ns1.serials.set(zone, 0);
    await sql('insert into zones (name, primary_ns, contact) values ($1, $2, $3)', [
      zone,
      `ns1.${zone}`,
      `h@${zone}`,
    ]);
    await sql(
      `insert into records (zone_id, name, type, content)
       select id, name, 'NS', 'ns1.' || name from zones where name = $1 union all select id, 'www.' || name, 'A', '192.0.2.1' from zones where name = $1`,
      [zone],
    );
  }
  await sql(`insert into secondaries (name, addresses) values ('ns1', array[$1])`, [ns1.address]);
  for (const zone of [EDITED, QUIET]) await serves(zone, '192.0.2.1');

  // what the standby has got by then
  const data = join(postgres.folder, 'data');
  await postgres.stop('SIGINT');
  await copyData(data, join(postgres.folder, 'standby'));
  await postgres.start();
  const lost = new Map<string, number>();
  for (const zone of [EDITED, QUIET]) {
    await edit(zone, '192.0.2.2');
    lost.set(zone, await serves(zone, '192.0.2.2'));
  }

  await postgres.stop('SIGQUIT');
  await rm(data, { recursive: true });
  await rename(join(postgres.folder, 'standby'), data);
  await postgres.startReadOnly();
  await postgres.admin('select pg_promote()');
  await edit(EDITED, '192.0.2.3');
  expect(await serves(EDITED, '192.0.2.3')).toBeGreaterThan(lost.get(EDITED) ?? Number.POSITIVE_INFINITY);
  expect(await serves(QUIET, '192.0.2.1')).toBeGreaterThan(lost.get(QUIET) ?? Number.POSITIVE_INFINITY);
  const { rows } = await sql(
    `select z.name, c.to_serial from zone_changes c join zones z on z.id = c.zone_id where c.to_serial in (select unnest($1::bigint[]))`,
    [[...lost.values()]],
  );
  expect(rows, 'serials that were lost are not given again').toEqual([]);
  expect(service.log()).toMatch(/another PostgreSQL took over/);
});
