/** A catalog is a zone like any other on the wire (RFC 9432): NOTIFY, SOA, AXFR, IXFR, and nobody's but its secondary's. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { formatName } from '../../src/dns/name.ts';
import { formatRdata } from '../../src/dns/rdata/index.ts';
import { RCODE, TYPE } from '../../src/dns/types.ts';
import { FakeSecondary } from '../notify/fake-secondary.ts';
import { type House, openHouse } from '../support/house.ts';
import { axfr, ixfr, soa } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';

const CATALOG = 'catalog.test.';

let house: House;
let fake: FakeSecondary;
beforeEach(async () => {
  house = await openHouse({ RESYNC_CRON: '0 0 1 1 *' });
  fake = await FakeSecondary.start();
});
afterEach(async () => {
  await house.close();
  await fake.close();
});

test('a member that comes and goes is a NOTIFY and an increment of one record', {
  timeout: 60_000,
}, async () => {
  await house.zone('first.test.');
  await house.operator.query(
    `insert into secondaries (name, addresses, catalog) values ('consumer', array[$1], '${CATALOG}')`,
    [`127.0.0.1:${fake.endpoint.port}`],
  );
  const told = (since: number) =>
    until('NOTIFY of the catalog', async () =>
      fake.received.find(({ zone, serial = 0 }) => zone === CATALOG && serial > since),
    );
  // the catalog may come with its member or before it
  await until('the first member', async () => (await members()).length === 1);
  const asked = { ...house.dns, zone: CATALOG };
  const { serial: first = 0 } = await soa(asked);
  await told(first - 1);
  const whole = await axfr(asked);
  if (whole.result.kind !== 'axfr') throw new Error('no zone');
  expect(whole.result.records.every(({ ttl }) => ttl === 0)).toBe(true);
  const texts = whole.result.records.map(
    ({ name, type, rdata }) => `${formatName(name)} ${type} ${formatRdata(type, rdata)}`,
  );
  expect(texts.map((text) => text.replace(/^[^.]+(?=\.zones)/, 'label')).sort()).toEqual(
    [
      `${CATALOG} ${TYPE.NS} invalid.`,
      `version.${CATALOG} ${TYPE.TXT} "2"`,
      `label.zones.${CATALOG} ${TYPE.PTR} first.test.`,
    ].sort(),
  );

  await house.zone('second.test.');
  const { serial: second = 0 } = await told(first);
  expect(await changes(first)).toEqual({ deleted: [], added: ['PTR second.test.'] });
  await house.operator.query(`delete from zones where name = 'first.test.'`);
  await told(second);
  expect(await changes(second)).toEqual({ deleted: ['PTR first.test.'], added: [] });

  await house.operator.query(`insert into secondaries (name, addresses) values ('plain', '{127.0.0.2:9}')`);
  await until(
    'the other one is known',
    async () =>
      (await soa({ ...house.dns, zone: 'second.test.', localAddress: '127.0.0.2' })).rcode === RCODE.NOERROR,
  );
  const stranger = await soa({ ...asked, localAddress: '127.0.0.2' });
  expect(stranger.rcode, 'the catalog of another secondary').toBe(RCODE.REFUSED);

  async function changes(since: number): Promise<{ deleted: string[]; added: string[] }> {
    const { result } = await ixfr({ ...asked, serial: since });
    if (result.kind !== 'ixfr') throw new Error(`given as ${result.kind}`);
    expect(result.steps).toHaveLength(1);
    const show = (records: readonly { type: number; rdata: Buffer }[] = []) =>
      records.map(({ type, rdata }) => `${type === TYPE.PTR ? 'PTR' : type} ${formatRdata(type, rdata)}`);
    return { deleted: show(result.steps[0]?.deleted), added: show(result.steps[0]?.added) };
  }
});

test('a zone and a catalog that are published at the same moment, neither seeing the other, come together', {
  timeout: 60_000,
}, async () => {
  const gate = await house.operator.connect();
  await gate.query('begin; lock table transfer_records in share mode');
  const waiting = async (count: number) => {
    const { rows } = await gate.query(
      `select count(*)::integer as waiting from pg_locks where not granted and relation = 'transfer_records'::regclass`,
    );
    return rows[0].waiting >= count;
  };
  await house.zone('first.test.');
  await until('the zone is being published', () => waiting(1));
  await house.operator.query(
    `insert into secondaries (name, addresses, catalog) values ('consumer', array[$1], '${CATALOG}')`,
    [`127.0.0.1:${fake.endpoint.port}`],
  );
  await until('the catalog is being published', () => waiting(2));
  await gate.query('commit');
  gate.release();
  await until('the member', async () => (await members()).join() === 'first.test.');
});

async function members(): Promise<string[]> {
  const { result } = await axfr({ ...house.dns, zone: CATALOG });
  if (result.kind !== 'axfr') return [];
  return result.records
    .filter(({ type }) => type === TYPE.PTR)
    .map(({ rdata }) => formatRdata(TYPE.PTR, rdata));
}
