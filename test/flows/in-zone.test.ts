import { afterEach, expect, test } from 'vitest';
import { nameKey } from '../../src/dns/name.ts';
import { FakeSecondary } from '../notify/fake-secondary.ts';
import { type House, openHouse } from '../support/house.ts';
import { addResync } from '../support/queue.ts';
import { axfr } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';

let house: House;
const secondaries: FakeSecondary[] = [];
afterEach(async () => {
  await house.close();
  for (const secondary of secondaries.splice(0)) await secondary.close();
});

/** No tick comes, and no look is due for an hour: what is followed is followed at once. */
const NO_TICKS = { RESYNC_CRON: '0 0 1 1 *', REFRESH_MIN: '3600', RETRY_MIN: '3600', RETRY_MAX: '3600' };

/** The names that resolvers were asked for. */
function listen(): Set<string> {
  const asked = new Set<string>();
  house.upstream.onQuery = (query) => {
    for (const question of query.questions) asked.add(nameKey(question.name));
  };
  return asked;
}
const sql = (text: string, values: unknown[] = []) => house.operator.query(text, values);

test('a target of our own is answered from records, and edits of it are followed, without a resolver', async () => {
  house = await openHouse(NO_TICKS);
  const fake = await FakeSecondary.start();
  secondaries.push(fake);
  await sql('insert into secondaries (name, addresses) values ($1, $2)', [
    'fake',
    [`127.0.0.1:${fake.endpoint.port}`],
  ]);
  const asked = listen();
  house.upstream.set('web.example.com', { A: ['198.51.100.66'], ttl: 60 });
  await house.zone('example.com.', [
    ['example.com.', 'ALIAS', 'www.example.com.'],
    ['www.example.com.', 'CNAME', 'web.example.com.'],
    ['web.example.com.', 'A', '192.0.2.1'],
    ['*.example.com.', 'ALIAS', 'www.example.com.'],
  ]);
  await house.zone('other.test.', [['other.test.', 'ALIAS', 'any.example.com.', 60]]);
  await house.publishes('example.com.', 'A', ['192.0.2.1']);
  await house.publishes('other.test.', 'A', ['192.0.2.1']);
  await sql(`update records set content = '192.0.2.2' where name = 'web.example.com.'`);
  for (const name of ['example.com.', '*.example.com.', 'other.test.'])
    await house.publishes(name, 'A', ['192.0.2.2']);
  const serial = await house.serial('other.test.');
  await until('NOTIFY of the follower', async () =>
    fake.received.some((notify) => notify.zone === 'other.test.' && notify.serial === serial),
  );
  expect((await axfr({ ...house.dns, zone: 'other.test.' })).result).toMatchObject({
    kind: 'axfr',
    records: { length: 2 },
  });
  expect([...asked]).toEqual([]);
});

test('a chain from elsewhere that comes into our zones goes on by records, and an edit there is followed at once', async () => {
  house = await openHouse(NO_TICKS);
  house.upstream.set('shop.example.net', { CNAME: 'lb.own.test.', ttl: 3600 });
  house.upstream.set('lb.own.test', { A: ['198.51.100.66'], ttl: 3600 });
  await house.zone('own.test.', [['lb.own.test.', 'A', '192.0.2.1', 120]]);
  await house.publishes('lb.own.test.', 'A', ['192.0.2.1']);
  await house.zone('example.com.', [['example.com.', 'ALIAS', 'shop.example.net.']]);
  await house.publishes('example.com.', 'A', ['192.0.2.1']);
  const { rows } = await sql(`select ttl from transfer_records where name = 'example.com.' and type = 'A'`);
  expect(rows).toEqual([{ ttl: 120 }]);
  await sql(`update records set content = '192.0.2.2' where name = 'lb.own.test.'`);
  await house.publishes('example.com.', 'A', ['192.0.2.2']);
  // out of our zones again, and round
  house.upstream.set('cdn.example.org', { A: ['192.0.2.9'], ttl: 3600 });
  await sql(`update records set type = 'ALIAS', content = 'cdn.example.org.' where name = 'lb.own.test.'`);
  await house.publishes('example.com.', 'A', ['192.0.2.9']);
  await sql(`update records set content = 'shop.example.net.' where name = 'lb.own.test.'`);
  await until('a loop', async () => {
    const found = await sql(
      `select state -> 'a' ->> 'detail' as detail from alias_targets where name = 'shop.example.net.'`,
    );
    return /loop: shop\.example\.net\. -> lb\.own\.test\. -> shop\.example\.net\./.test(
      found.rows[0]?.detail,
    );
  });
  await house.publishes('example.com.', 'A', ['192.0.2.9']);
});

test('a way that leaves our zones goes on at the resolver, and one below a zone cut, too', async () => {
  house = await openHouse(NO_TICKS);
  const asked = listen();
  house.upstream.set('cdn.example.net', { A: ['192.0.2.3'], ttl: 60 });
  house.upstream.set('host.cut.example.com', { A: ['192.0.2.4'], ttl: 60 });
  await house.zone('example.com.', [
    ['example.com.', 'ALIAS', 'www.example.com.'],
    ['www.example.com.', 'CNAME', 'cdn.example.net.', 30],
    ['cut.example.com.', 'NS', 'ns.example.net.'],
    ['host.cut.example.com.', 'A', '192.0.2.99'],
    ['b.example.com.', 'ALIAS', 'host.cut.example.com.'],
  ]);
  await house.publishes('example.com.', 'A', ['192.0.2.3']);
  await house.publishes('b.example.com.', 'A', ['192.0.2.4']);
  expect(
    (await sql(`select ttl from transfer_records where name = 'example.com.' and type = 'A'`)).rows,
  ).toEqual([{ ttl: 30 }]);
  expect([...asked].sort()).toEqual(['cdn.example.net.', 'host.cut.example.com.']);
});

test('a resync counts targets of our own, force ends the hold of one without addresses, and time does, too', async () => {
  house = await openHouse(NO_TICKS);
  await house.zone('example.com.', [
    ['example.com.', 'ALIAS', 'www.example.com.'],
    ['a.example.com.', 'ALIAS', 'www.example.com.'],
    ['b.example.com.', 'ALIAS', 'b.example.com.'],
    ['www.example.com.', 'A', '192.0.2.1'],
  ]);
  await house.publishes('example.com.', 'A', ['192.0.2.1']);
  const serial = await house.serial('example.com.');
  expect(await addResync(house.databaseUrl, {})).toMatchObject({
    targets: 2,
    resolved: 1,
    failed: 1,
    changedZones: 0,
  });
  expect(await house.serial('example.com.')).toBe(serial);
  await sql(`delete from records where name = 'www.example.com.'`);
  await until(
    'held',
    async () => (await sql('select from aliases where recheck_at is not null')).rowCount === 2,
  );
  await house.publishes('example.com.', 'A', ['192.0.2.1']);
  expect(await addResync(house.databaseUrl, { zones: ['example.com'] })).toMatchObject({
    targets: 2,
    held: 1,
    failed: 1,
  });
  expect(await addResync(house.databaseUrl, { zones: ['example.com'], force: true })).toMatchObject({
    targets: 2,
    changedRecords: 2,
    changedZones: 1,
  });
  await house.publishes('example.com.', 'A', []);
});

test('NEGATIVE_HOLD runs out by itself', async () => {
  house = await openHouse({ ...NO_TICKS, NEGATIVE_HOLD: '1' });
  await house.zone('example.com.', [
    ['example.com.', 'ALIAS', 'www.example.com.'],
    ['www.example.com.', 'A', '192.0.2.1'],
  ]);
  await house.publishes('example.com.', 'A', ['192.0.2.1']);
  await sql(`delete from records where name = 'www.example.com.'`);
  await house.publishes('example.com.', 'A', []);
  expect((await sql('select from aliases where recheck_at is not null')).rowCount).toBe(0);
});
