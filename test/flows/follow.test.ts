import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { FakeSecondary } from '../notify/fake-secondary.ts';
import { type House, openHouse } from '../support/house.ts';
import { axfr, ixfr, soa } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';

let house: House;
const secondaries: FakeSecondary[] = [];
afterEach(async () => {
  await house.close();
  for (const secondary of secondaries.splice(0)) await secondary.close();
});

async function secondary(): Promise<FakeSecondary> {
  const fake = await FakeSecondary.start();
  secondaries.push(fake);
  await house.operator.query('insert into secondaries (name, addresses) values ($1, $2)', [
    `s${fake.endpoint.port}`,
    [`127.0.0.1:${fake.endpoint.port}`],
  ]);
  return fake;
}

test('a target moves: looked up, one serial, NOTIFY, and the transfer has the new address', async () => {
  house = await openHouse();
  const fake = await secondary();
  house.upstream.set('cdn.example.net', { A: ['192.0.2.1'], AAAA: ['2001:db8::1'], ttl: 1 });
  await house.zone('example.com.', [
    ['example.com.', 'ALIAS', 'cdn.example.net.', 300],
    ['www.example.com.', 'A', '192.0.2.200'],
  ]);
  await house.publishes('example.com.', 'A', ['192.0.2.1']);
  const before = await house.serial('example.com.');
  house.upstream.set('cdn.example.net', { A: ['192.0.2.2'], AAAA: ['2001:db8::2'], ttl: 1 });
  await house.publishes('example.com.', 'A', ['192.0.2.2']);
  await house.publishes('example.com.', 'AAAA', ['2001:db8::2']);
  const after = await house.serial('example.com.');
  expect(after).toBe(before + 1);
  await until('NOTIFY of the new serial', async () =>
    fake.received.some((notify) => notify.zone === 'example.com.' && notify.serial === after),
  );
  expect(await soa({ ...house.dns, zone: 'example.com.' })).toMatchObject({ rcode: 0, serial: after });
  const { result } = await ixfr({ ...house.dns, zone: 'example.com.', serial: before });
  expect(result).toMatchObject({ kind: 'ixfr', steps: [{ deleted: { length: 2 }, added: { length: 2 } }] });
  expect((await axfr({ ...house.dns, zone: 'example.com.' })).result).toMatchObject({
    kind: 'axfr',
    records: { length: 4 },
  });
});

test('one target of many aliases is one look; rotation and countdown write nothing', async () => {
  house = await openHouse();
  house.upstream.rotate = true;
  house.upstream.countDown = true;
  house.upstream.set('cdn.example.net', { A: ['192.0.2.1', '192.0.2.2', '192.0.2.3'], ttl: 30 });
  for (let index = 0; index < 5; index++)
    await house.zone(`z${index}.test.`, [
      [`z${index}.test.`, 'ALIAS', 'cdn.example.net.'],
      [`www.z${index}.test.`, 'ALIAS', 'CDN.example.net.'],
    ]);
  for (let index = 0; index < 5; index++)
    await house.publishes(`www.z${index}.test.`, 'A', ['192.0.2.1', '192.0.2.2', '192.0.2.3']);
  const asked = house.upstream.count('cdn.example.net', 'A');
  expect(asked).toBeLessThanOrEqual(2);
  // the place and writer of every row: any write at all shows
  const writes = async () => {
    const tables = ['transfer_records', 'zone_changes', 'zones', 'notifications'];
    return Promise.all(
      tables.map(
        async (table) => (await house.operator.query(`select ctid, xmin from ${table} order by ctid`)).rows,
      ),
    );
  };
  await pause(1500);
  const before = await writes();
  const serials = await house.operator.query('select name, published_serial from zones order by name');
  for (let round = 0; round < 5; round++) {
    const { Queue, createPostgresBackend } = await import('bullmq');
    const queue = new Queue(
      'resync',
      { connection: { connectionString: house.databaseUrl, schema: 'bullmq' } as never },
      createPostgresBackend as never,
    );
    await queue.add('resync', {});
    await queue.close();
    await pause(700);
  }
  expect(house.upstream.count('cdn.example.net', 'A')).toBeGreaterThan(asked);
  expect((await house.operator.query('select name, published_serial from zones order by name')).rows).toEqual(
    serials.rows,
  );
  expect(await writes()).toEqual(before);
});

test('a dead target, a dead secondary and a malformed packet: the rest goes on', async () => {
  house = await openHouse();
  const fake = await secondary();
  await house.operator.query(`insert into secondaries (name, addresses) values ('dead', '{127.0.0.1:9}')`);
  house.upstream.set('alive.example.net', { A: ['192.0.2.1'], ttl: 1 });
  house.upstream.fail('dead.example.net', 'servfail');
  house.upstream.fail('silent.example.net', 'timeout');
  await house.zone('example.com.', [
    ['a.example.com.', 'ALIAS', 'dead.example.net.'],
    ['b.example.com.', 'ALIAS', 'silent.example.net.'],
    ['c.example.com.', 'ALIAS', 'alive.example.net.'],
    ['d.example.com.', 'LOC', 'nonsense'],
    ['e.example.com.', 'A', '192.0.2.5'],
  ]);
  await house.publishes('c.example.com.', 'A', ['192.0.2.1']);
  await house.publishes('e.example.com.', 'A', ['192.0.2.5']);
  house.upstream.fail('alive.example.net', 'servfail');
  await pause(1500);
  await house.publishes('c.example.com.', 'A', ['192.0.2.1']);
  const serial = await house.serial('example.com.');
  await until('NOTIFY', async () => fake.received.some((notify) => notify.serial === serial));
  expect((await axfr({ ...house.dns, zone: 'example.com.' })).result).toMatchObject({
    kind: 'axfr',
    records: { length: 3 },
  });
});

test('an edit reaches the transfer without the queue, within a second, and survives a restart of the service', async () => {
  house = await openHouse({ RESYNC_CRON: '0 0 1 1 *' }, ['transfer']);
  await house.zone('example.com.', [['www.example.com.', 'A', '192.0.2.1']]);
  await pause(300);
  expect(await house.serial('example.com.')).toBe(0);
  const worker = await house.addService(['worker']);
  await house.publishes('www.example.com.', 'A', ['192.0.2.1']);
  await house.operator.query('drop schema bullmq cascade');
  const started = performance.now();
  await house.operator.query(`update records set content = '192.0.2.2' where name = 'www.example.com.'`);
  await house.publishes('www.example.com.', 'A', ['192.0.2.2']);
  expect(performance.now() - started).toBeLessThan(10_000);
  await worker.stop();
  await house.operator.query(`update records set content = '192.0.2.3' where name = 'www.example.com.'`);
  await house.addService(['worker']);
  await house.publishes('www.example.com.', 'A', ['192.0.2.3']);
});

test('two whole services on one database: one tick is one job, one change one serial', async () => {
  house = await openHouse();
  await house.addService();
  house.upstream.set('cdn.example.net', { A: ['192.0.2.1'], ttl: 1 });
  await house.zone('example.com.', [['example.com.', 'ALIAS', 'cdn.example.net.']]);
  await house.publishes('example.com.', 'A', ['192.0.2.1']);
  const before = await house.serial('example.com.');
  for (let move = 2; move < 5; move++) {
    house.upstream.set('cdn.example.net', { A: [`192.0.2.${move}`], ttl: 1 });
    await house.publishes('example.com.', 'A', [`192.0.2.${move}`]);
  }
  expect(await house.serial('example.com.')).toBe(before + 3);
  const { rows } = await house.operator
    .query(
      `select count(*) as jobs, count(distinct date_trunc('second', to_timestamp(timestamp / 1000.0))) as ticks from bullmq.bullmq_jobs`,
    )
    .catch(() => ({ rows: [] }));
  if (rows[0]) expect(Number(rows[0].jobs)).toBeLessThanOrEqual(Number(rows[0].ticks) + 1);
});

test('a zone deleted is refused at once, and one made again starts past its last serial', async () => {
  house = await openHouse();
  await secondary();
  const id = await house.zone('example.com.', []);
  await until('served', async () => (await soa({ ...house.dns, zone: 'example.com.' })).serial === 1);
  await house.operator.query('delete from zones where id = $1', [id]);
  await until('refused', async () => (await soa({ ...house.dns, zone: 'example.com.' })).rcode === 5);
  await house.zone('example.com.', []);
  await until('served again', async () => (await soa({ ...house.dns, zone: 'example.com.' })).serial === 2);
});

test('an ALIAS that newly follows a failing target has it looked at now, not after the back-off of others or at the next tick', async () => {
  house = await openHouse({ RESYNC_CRON: '0 0 1 1 *', RETRY_MIN: '600', RETRY_MAX: '600' });
  house.upstream.fail('late.example.net', 'servfail');
  await house.zone('one.test.', [['one.test.', 'ALIAS', 'late.example.net.']]);
  await until('looked at', async () => {
    const { rowCount } = await house.operator.query('select from alias_targets where failures > 0');
    return rowCount === 1;
  });
  house.upstream.heal('late.example.net');
  house.upstream.set('late.example.net', { A: ['192.0.2.3'], ttl: 300 });
  await house.zone('two.test.', [['two.test.', 'ALIAS', 'late.example.net.']]);
  await house.publishes('two.test.', 'A', ['192.0.2.3']);
  await house.publishes('one.test.', 'A', ['192.0.2.3']);
});
