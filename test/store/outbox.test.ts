import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Outbox } from '../../src/store/outbox.ts';
import type { Pool } from '../../src/store/pool.ts';
import { spreadNews } from '../../src/store/publication/news.ts';
import { Secrets } from '../../src/store/secrets.ts';
import { hastenFarWaits } from '../../src/store/waits.ts';
import { addRecord, addZone, publishAll, serialOf, type TestStore, testStore } from '../support/store.ts';
import { until } from '../support/until.ts';

let store: TestStore;
let outbox: Outbox;
let zoneId: string;
beforeAll(async () => {
  store = await testStore();
  outbox = new Outbox(store.pool);
  await store.operator.query(
    `insert into tsig_keys (name, secret) values ('first', 'aGVsbG8gd29ybGQ='), ('second', 'aGVsbG8gd29ybGQ=')`,
  );
  await store.operator.query(
    `insert into secondaries (name, addresses, keys) values ('two', '{127.0.0.1:5301,[::1]:5302}', '{second,first}')`,
  );
  await store.operator.query(
    `insert into secondaries (name, addresses, notify) values ('quiet', '{127.0.0.1:5303}', false)`,
  );
  await store.operator.query(
    `insert into secondaries (name, addresses, zones) values ('other', '{127.0.0.1:5304}', '{elsewhere.test}')`,
  );
  zoneId = await addZone(store, 'example.com.');
});
afterAll(() => store.close());
let host = 0;
beforeEach(async () => {
  await addRecord(store, zoneId, `h${++host}.example.com.`, 'A', '192.0.2.1');
  await publishAll(store);
});

const result = (row: { zoneId: string; secondaryId: string; addressText: string; serial: number }) => ({
  zoneId: row.zoneId,
  secondaryId: row.secondaryId,
  addressText: row.addressText,
  serial: row.serial,
});

test('a new version is due at once for each address of each secondary that may have it, signed with its first key', async () => {
  const due = await outbox.claim(10);
  expect(due.map((row) => row.addressText).sort()).toEqual(['127.0.0.1:5301', '[::1]:5302']);
  for (const row of due) {
    expect(row).toMatchObject({
      zone: 'example.com.',
      secondary: 'two',
      attempts: 1,
      key: { algorithm: 'hmac-sha256' },
    });
    expect(row.key?.name.toString('latin1')).toContain('second');
    expect(row.soa.readUInt32BE(row.soa.length - 20)).toBe(row.serial);
  }
  expect(await outbox.claim(10), 'claimed rows are not given twice').toEqual([]);
  await outbox.settle(due.map((row) => ({ ...result(row), rcode: 0 })));
  expect(await outbox.nextDue()).toBeUndefined();
});

test('silence and refusals come again when they are due, with what was said', async () => {
  const [first, second] = await outbox.claim(10);
  if (!first || !second) throw new Error('two rows are due');
  const soon = new Date(Date.now() - 1);
  const later = new Date(Date.now() + 60_000);
  await outbox.settle([
    { ...result(first), error: 'no reply within 1000 ms', nextAt: soon },
    { ...result(second), rcode: 5, nextAt: later },
  ]);
  const again = await outbox.claim(10);
  expect(again).toMatchObject([{ addressText: first.addressText, attempts: 2 }]);
  const { rows } = await store.operator.query(
    'select address, rcode, error from notifications where zone_id = $1 order by rcode nulls first',
    [zoneId],
  );
  expect(rows).toMatchObject([{ error: 'no reply within 1000 ms' }, { rcode: 5, error: null }]);
  await outbox.hasten(result(second), new Date());
  expect(await outbox.claim(10), 'a refusal waits on').toEqual([]);
  await outbox.settle([{ ...result(first), error: 'silent', nextAt: later }]);
  await outbox.hasten(result(first), soon);
  expect(await outbox.claim(10)).toHaveLength(1);
});

test('a reply to an older serial does not settle a newer one, and the newest serial takes the place of older ones', async () => {
  const old = await outbox.claim(10);
  await addRecord(store, zoneId, 'newer.example.com.', 'A', '192.0.2.1');
  await publishAll(store);
  await outbox.settle(old.map((row) => ({ ...result(row), rcode: 0 })));
  const due = await outbox.claim(10);
  expect(due).toHaveLength(2);
  for (const row of due) expect(row).toMatchObject({ serial: (old[0]?.serial ?? 0) + 1, attempts: 1 });
});

test('a peer that can take no more is left alone, and what was put back counts as not sent', async () => {
  const due = await outbox.claim(10);
  const [row] = due;
  if (!row) throw new Error('a row is due');
  await outbox.settle([{ ...result(row), nextAt: new Date(Date.now() - 1) }]);
  const { rows } = await store.operator.query(
    'select sent_serial from notifications where zone_id = $1 and address = $2',
    [zoneId, row.addressText],
  );
  expect(rows).toEqual([{ sent_serial: null }]);
  expect(await outbox.claim(10, [row])).toEqual([]);
  expect(await outbox.claim(10, [])).toHaveLength(1);
});

test('a new secondary hears of the zones that it may have, one that may not is forgotten', async () => {
  await store.operator.query(`insert into secondaries (name, addresses) values ('late', '{127.0.0.1:5305}')`);
  await outbox.reconcile();
  expect((await outbox.claim(10)).map((row) => row.addressText)).toContain('127.0.0.1:5305');
  await store.operator.query(`update secondaries set zones = '{elsewhere.test}' where name = 'late'`);
  await outbox.reconcile();
  const { rows } = await store.operator.query(`select 1 from notifications where address = '127.0.0.1:5305'`);
  expect(rows).toEqual([]);
});

test('a publication never waits for rows of the outbox that somebody holds, nor loses to who writes them', async () => {
  const client = await store.pool.connect();
  await client.query('begin');
  await client.query('update notifications set attempts = attempts + 1 where zone_id = $1', [zoneId]);
  await addRecord(store, zoneId, `held${host}.example.com.`, 'A', '192.0.2.1');
  const before = await serialOf(store, zoneId);
  const publishing = publishAll(store);
  await until('the version is out', async () => (await serialOf(store, zoneId)) === before + 1);
  await client.query('commit');
  client.release();
  await publishing;
  const due = await outbox.claim(10);
  expect(due.map((row) => row.serial)).toEqual([before + 1, before + 1]);
});

test('versions that a process left untold are told by whoever sends, the newest of each zone', async () => {
  const serial = await serialOf(store, zoneId);
  await outbox.settle((await outbox.claim(10)).map((row) => ({ ...result(row), rcode: 0 })));
  await store.pool.query('insert into zone_news (zone_id, serial) values ($1, $2)', [zoneId, serial + 1]);
  await store.pool.query('insert into zone_news (zone_id, serial) values ($1, $2)', [zoneId, serial + 2]);
  expect((await outbox.claim(10)).map((row) => row.serial)).toEqual([serial + 2, serial + 2]);
  await store.pool.query('insert into zone_news (zone_id, serial, xid) values ($1, $2, $3)', [
    zoneId,
    serial + 1,
    '3',
  ]);
  await outbox.claim(10);
  const { rows } = await store.operator.query(
    'select distinct serial from notifications where zone_id = $1',
    [zoneId],
  );
  expect(rows, 'an older one that comes late changes nothing').toEqual([{ serial: String(serial + 2) }]);
});

test('rows that come of news while it is looked for them are found at once', async () => {
  await outbox.settle((await outbox.claim(10)).map((row) => ({ ...result(row), rcode: 0 })));
  await store.pool.query('insert into zone_news (zone_id, serial) values ($1, $2)', [
    zoneId,
    (await serialOf(store, zoneId)) + 1,
  ]);
  const late: Pool = Object.create(store.pool);
  // whoever published is done between the claim and the look for news
  late.query = (async (query: { name?: string }) => {
    if (query.name === 'are news') await spreadNews(store.pool);
    return store.pool.query(query as { text: string });
  }) as unknown as Pool['query'];
  expect(await new Outbox(late).claim(10)).toHaveLength(2);
});

test('a row of before does not tell of a version that came since, which a process has not confirmed', async () => {
  const { pool } = store;
  await pool.query(
    `insert into transfer_leases (id, confirmed, lease_until) values ('one', pg_current_snapshot(), now())`,
  );
  const client = await pool.connect();
  await client.query('begin');
  // its row at one address waits for this, with the news; that at the other could be sent, and says what the zone is now
  await client.query(`update notifications set attempts = attempts + 1 where address = '127.0.0.1:5301'`);
  const before = await serialOf(store, zoneId);
  await addRecord(store, zoneId, `since${host}.example.com.`, 'A', '192.0.2.1');
  const publishing = publishAll(store);
  await until('the version is out', async () => (await serialOf(store, zoneId)) === before + 1);
  const claiming = outbox.claim(10);
  const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  await Promise.race([
    claiming,
    until('who sends waits for the news', async () => (await store.operator.query(waiting)).rowCount === 2),
  ]);
  await client.query('commit');
  client.release();
  await publishing;
  expect(await claiming).toEqual([]);
  expect(await outbox.claim(10)).toEqual([]);
  await pool.query(`update transfer_leases set confirmed = pg_current_snapshot() where id = 'one'`);
  expect((await outbox.claim(10)).map((row) => row.serial)).toEqual([before + 1, before + 1]);
  await pool.query(`delete from transfer_leases where id = 'one'`);
});

test('what is put off for longer than anything ever is, by a clock that was ahead, is due now; the rest waits', async () => {
  const due = await outbox.claim(10);
  await outbox.settle(
    due.map((row, index) => ({
      ...result(row),
      rcode: 4,
      nextAt: new Date(Date.now() + (index === 0 ? 86_400_000 : 600_000)),
    })),
  );
  await store.pool.query(
    `insert into convergence (zone_id, secondary_id, serial, committed_at, next_check_at)
     select zone_id, secondary_id, serial, now(), now() + interval '1 day' from notifications where zone_id = $1 limit 1
     on conflict (zone_id, secondary_id) do update set next_check_at = excluded.next_check_at`,
    [zoneId],
  );
  await hastenFarWaits(store.pool);
  expect(await outbox.claim(10)).toMatchObject([{ addressText: due[0]?.addressText }]);
  const { rows } = await store.operator.query('select next_check_at <= now() as due from convergence');
  expect(rows).toEqual([{ due: true }]);
});

test('a key whose secret can not be opened is told of, and never stands for no key', async () => {
  const { rows } = await store.operator.query(`select secret from tsig_keys where name like 'second%'`);
  await store.pool.query(`update tsig_keys set secret = $1 where name like 'second%'`, [
    new Secrets([randomBytes(32).toString('base64')]).seal(Buffer.from('whatever')),
  ]);
  try {
    await store.pool.query('update notifications set acked_serial = null, next_at = now()');
    const due = await outbox.claim(10);
    expect(due).toHaveLength(2);
    for (const row of due) {
      expect(row).toMatchObject({ secondary: 'two', lockedKey: expect.stringMatching(/^second/) });
      expect(row.key).toBeUndefined();
    }
  } finally {
    await store.pool.query(`update tsig_keys set secret = $1 where name like 'second%'`, [rows[0].secret]);
  }
});
