import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { afterEach, expect, test } from 'vitest';
import { FakeSecondary } from '../notify/fake-secondary.ts';
import { type House, openHouse } from '../support/house.ts';
import { soa } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';

// A client may keep its transaction open for as long as it likes: what it holds must not keep the rest of the house waiting.

let house: House;
const secondaries: FakeSecondary[] = [];
const clients = new Set<pg.PoolClient>();
afterEach(async () => {
  for (const client of clients) await ended(client, 'rollback');
  await house.close();
  for (const secondary of secondaries.splice(0)) await secondary.close();
});

async function secondary(name: string): Promise<FakeSecondary> {
  const fake = await FakeSecondary.start();
  secondaries.push(fake);
  await house.operator.query('insert into secondaries (name, addresses) values ($1, $2)', [
    name,
    [`127.0.0.1:${fake.endpoint.port}`],
  ]);
  return fake;
}

async function opened(...statements: string[]): Promise<pg.PoolClient> {
  const client = await house.operator.connect();
  clients.add(client);
  await client.query('begin');
  for (const statement of statements) await client.query(statement);
  return client;
}

async function ended(client: pg.PoolClient, how: 'commit' | 'rollback'): Promise<void> {
  clients.delete(client);
  await client.query(how);
  client.release();
}

/** Edits a zone and waits for its NOTIFY to be answered, in milliseconds. */
async function followed(zone: string, host: string, by: FakeSecondary): Promise<number> {
  const start = performance.now();
  await house.operator.query(
    `insert into records (zone_id, name, type, content) select id, $2 || '.' || name, 'A', '192.0.2.9' from zones where name = $1`,
    [zone, host],
  );
  await house.publishes(`${host}.${zone}`, 'A', ['192.0.2.9']);
  const serial = await house.serial(zone);
  await until(
    `${zone} ${serial} answered`,
    async () => {
      const { rowCount } = await house.operator.query(
        `select from notifications n join zones z on z.id = n.zone_id where z.name = $1 and n.acked_serial >= $2 and n.address = $3`,
        [zone, serial, `127.0.0.1:${by.endpoint.port}`],
      );
      return rowCount === 1;
    },
    { everyMs: 10 },
  );
  return performance.now() - start;
}

test('a client that deletes a secondary and does not commit', async () => {
  house = await openHouse();
  const keeps = await secondary('keeps');
  await secondary('goes');
  await house.zone('one.test.');
  await followed('one.test.', 'a', keeps);
  const client = await opened(`delete from secondaries where name = 'goes'`);
  expect(await followed('one.test.', 'b', keeps)).toBeLessThan(2_000);
  await house.zone('two.test.');
  expect(await followed('two.test.', 'a', keeps)).toBeLessThan(2_000);
  await ended(client, 'commit');
  await until('nothing is kept of it', async () => {
    const { rowCount } = await house.operator.query(
      'select from notifications n where not exists (select from secondaries where id = n.secondary_id)',
    );
    return rowCount === 0;
  });
});

test('a client that deletes a zone and does not commit', async () => {
  house = await openHouse();
  const keeps = await secondary('keeps');
  await house.zone('one.test.');
  await house.zone('two.test.');
  await followed('one.test.', 'a', keeps);
  await followed('two.test.', 'a', keeps);
  const client = await opened(`delete from zones where name = 'one.test.'`);
  expect(await followed('two.test.', 'b', keeps)).toBeLessThan(2_000);
  const added = await secondary('added-meanwhile');
  await until('it is told', async () => added.received.some(({ zone }) => zone === 'two.test.'));
  expect(await followed('two.test.', 'c', keeps)).toBeLessThan(2_000);
  expect(await soa({ ...house.dns, zone: 'one.test.' })).toMatchObject({ rcode: 0 });
  await ended(client, 'commit');
  await until('refused', async () => (await soa({ ...house.dns, zone: 'one.test.' })).rcode === 5);
  await until('nothing is kept of it', async () => {
    const { rows } = await house.operator.query(
      'select (select count(*) from zone_marks) + (select count(*) from notifications where zone_id not in (select id from zones)) as kept',
    );
    return rows[0].kept === '0';
  });
});

test('a client that locks the row of a target, and all rows of records', async () => {
  house = await openHouse();
  const keeps = await secondary('keeps');
  for (const name of ['held', 'free']) {
    house.upstream.set(`${name}.example.net`, { A: ['192.0.2.1'], ttl: 1 });
    await house.zone(`${name}.test.`, [[`${name}.test.`, 'ALIAS', `${name}.example.net.`]]);
    await house.publishes(`${name}.test.`, 'A', ['192.0.2.1']);
  }
  const client = await opened(
    `select from alias_targets where name = 'held.example.net.' for update`,
    'select from records for update',
  );
  for (const name of ['held', 'free'])
    house.upstream.set(`${name}.example.net`, { A: ['192.0.2.2'], ttl: 1 });
  await house.publishes('free.test.', 'A', ['192.0.2.2']);
  await house.operator.query(
    `insert into records (zone_id, name, type, content) select id, 'www.held.test.', 'ALIAS', 'held.example.net.' from zones where name = 'held.test.'`,
  );
  await pause(200);
  expect(await followed('free.test.', 'a', keeps)).toBeLessThan(4_000);
  await ended(client, 'rollback');
  await house.publishes('held.test.', 'A', ['192.0.2.2']);
  await house.publishes('www.held.test.', 'A', ['192.0.2.2']);
});

test('a client that locks a row whose problem is to be noted: it is noted when the lock is gone', async () => {
  house = await openHouse();
  await house.zone('one.test.');
  const lock = await opened(`select from zones where name = 'one.test.' for no key update`);
  await house.operator.query(
    `insert into records (zone_id, name, type, content) select id, 'loc.one.test.', 'LOC', 'nowhere' from zones`,
  );
  const client = await opened('select from records for update');
  await ended(lock, 'rollback');
  await pause(1_000);
  await ended(client, 'rollback');
  await until('noted', async () => {
    const { rows } = await house.operator.query(`select problem from records where type = 'LOC'`);
    return /LOC/.test(rows[0].problem ?? '');
  });
});
