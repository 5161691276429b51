import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeSoa } from '../../src/dns/rdata/index.ts';
import { readHistory } from '../../src/store/versions.ts';
import {
  addRecord,
  addZone,
  lookAt,
  publishAll,
  published,
  serialOf,
  type TestStore,
  testStore,
} from '../support/store.ts';

let store: TestStore;
let count = 0;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());

async function freshZone(): Promise<{ id: string; name: string }> {
  const name = `zone${++count}.test.`;
  const id = await addZone(store, name);
  await publishAll(store);
  return { id, name };
}
const found = (addresses: string[], ttl = 300) => ({ kind: 'found' as const, addresses, ttl });
const nodata = { kind: 'nodata' as const };

describe('an edit by plain SQL', () => {
  test('is one serial, one changeset and one outbox row a secondary for a whole transaction', async () => {
    const zone = await freshZone();
    await store.operator.query(
      `insert into secondaries (name, addresses, zones) values ($1, '{127.0.0.1:5301,127.0.0.1:5302}', $2)`,
      [`s${zone.id}`, [zone.name]],
    );
    const client = await store.operator.connect();
    await client.query('begin');
    for (const host of ['a', 'b', 'c']) {
      await client.query(
        `insert into records (zone_id, name, type, content) values ($1, $2, 'A', '192.0.2.1')`,
        [zone.id, `${host}.${zone.name}`],
      );
      expect(await publishAll(store)).toEqual([]);
    }
    await client.query('update zones set refresh = 7777 where id = $1', [zone.id]);
    await client.query('commit');
    client.release();
    expect(await publishAll(store)).toMatchObject([
      { name: zone.name, from: 1, serial: 2, deleted: 0, added: 3 },
    ]);
    const [step] = (await readHistory(store.pool, zone.id, 1, 2, 1e6)) ?? [];
    expect(decodeSoa(step?.oldSoa ?? Buffer.alloc(0))).toMatchObject({ refresh: 3600, serial: 1 });
    expect(decodeSoa(step?.newSoa ?? Buffer.alloc(0))).toMatchObject({ refresh: 7777, serial: 2 });
    const { rows } = await store.operator.query('select serial from notifications where zone_id = $1', [
      zone.id,
    ]);
    expect(rows).toEqual([{ serial: '2' }, { serial: '2' }]);
  });

  test('that ends as it began spends no serial', async () => {
    const zone = await freshZone();
    const id = await addRecord(store, zone.id, `www.${zone.name}`, 'A', '192.0.2.1');
    await publishAll(store);
    const client = await store.operator.connect();
    await client.query('begin');
    await client.query('update records set ttl = 5 where id = $1', [id]);
    await client.query('rollback');
    await client.query('update records set ttl = ttl where id = $1', [id]);
    await client.query('begin');
    await client.query(
      `insert into records (zone_id, name, type, content) values ($1, $2, 'A', '192.0.2.9')`,
      [zone.id, `x.${zone.name}`],
    );
    await client.query(`delete from records where name = $1`, [`x.${zone.name}`]);
    await client.query('commit');
    await client.query('update records set name = upper(name), type = lower(type) where id = $1', [id]);
    await client.query(`update zones set contact = 'hostmaster@' || rtrim(name, '.') where id = $1`, [
      zone.id,
    ]);
    client.release();
    expect(await publishAll(store)).toEqual([]);
    expect(await serialOf(store, zone.id)).toBe(2);
  });

  test('RRset: the lowest TTL, equal rdata once, gone with its last source row', async () => {
    const zone = await freshZone();
    const name = `mail.${zone.name}`;
    const first = await addRecord(store, zone.id, name, 'MX', '10 Mx.Example.net.', 300);
    const second = await addRecord(store, zone.id, name, 'MX', '010 mx.example.NET', 200);
    await addRecord(store, zone.id, name, 'MX', '20 other.example.net.', 100);
    await publishAll(store);
    const lines = await published(store, zone.id);
    expect(lines).toContain(`${name} 100 MX 10 Mx.Example.net.`);
    expect(lines.filter((line) => line.includes(' MX '))).toHaveLength(2);
    await store.operator.query('delete from records where id = $1', [first]);
    expect(await publishAll(store)).toEqual([]);
    await store.operator.query('delete from records where id = $1', [second]);
    expect(await publishAll(store)).toMatchObject([{ deleted: 1, added: 0 }]);
  });

  test('rows that only the encoder refuses are set aside with their reason, and the rest is served', async () => {
    const zone = await freshZone();
    const id = await addRecord(store, zone.id, `loc.${zone.name}`, 'LOC', 'nowhere at all');
    await addRecord(store, zone.id, `www.${zone.name}`, 'A', '192.0.2.1');
    await publishAll(store);
    expect(await published(store, zone.id)).toHaveLength(2);
    const reason = async () =>
      (await store.operator.query('select problem from records where id = $1', [id])).rows[0].problem;
    expect(await reason()).toMatch(/LOC/i);
    await store.operator.query(
      `update records set content = '52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m' where id = $1`,
      [id],
    );
    await publishAll(store);
    expect(await reason()).toBeNull();
    expect(await published(store, zone.id)).toHaveLength(3);
  });
});

describe('serials', () => {
  test('one written by SQL is published as it is', async () => {
    const zone = await freshZone();
    await store.operator.query('update zones set serial = 2026010101 where id = $1', [zone.id]);
    expect(await publishAll(store)).toMatchObject([{ from: 1, serial: 2026010101, added: 0 }]);
  });
  test('policies, and the first serial', async () => {
    const make = async (policy: string, serial?: number) => {
      const name = `policy${++count}.test.`;
      await store.operator.query(
        'insert into zones (name, primary_ns, contact, serial_policy, serial) values ($1, $1, $1, $2, $3)',
        [name, policy, serial],
      );
      await store.operator.query(
        `insert into records (zone_id, name, type, content) select id, name, 'NS', name from zones where name = $1`,
        [name],
      );
      return (await publishAll(store, Date.UTC(2026, 5, 7, 12)))[0]?.serial;
    };
    expect(await make('increment')).toBe(1);
    expect(await make('date')).toBe(2026060700);
    expect(await make('unixtime')).toBe(Date.UTC(2026, 5, 7, 12) / 1000);
    expect(await make('date', 5)).toBe(5);
  });
  test('goes on over 99 a day, stays when the clock steps back, and follows another policy from the next version on', async () => {
    const noon = Date.UTC(2026, 5, 7, 12);
    const zone = await freshZone();
    const next = async (now: number) => {
      await store.operator.query('update zones set minimum = minimum + 1 where id = $1', [zone.id]);
      await publishAll(store, now);
      return serialOf(store, zone.id);
    };
    await store.operator.query(`update zones set serial_policy = 'date' where id = $1`, [zone.id]);
    expect(await next(noon)).toBe(2026060700);
    await store.operator.query('update zones set serial = 2026060799 where id = $1', [zone.id]);
    expect(await next(noon)).toBe(2026060799);
    expect(await next(noon)).toBe(2026060800);
    expect(await next(noon - 40 * 86_400_000)).toBe(2026060801);
    await store.operator.query(`update zones set serial_policy = 'unixtime' where id = $1`, [zone.id]);
    expect(await next(noon)).toBe(2026060802);
    await store.operator.query(`update zones set serial_policy = null where id = $1`, [zone.id]);
    expect(await next(noon + 86_400_000)).toBe(2026060803);
  });
  test('goes round behind 4294967295 over 0, and the journal connects across it', async () => {
    const zone = await freshZone();
    for (const serial of [2_000_000_000, 4_000_000_000, 4_294_967_295]) {
      await store.operator.query('update zones set serial = $2 where id = $1', [zone.id, serial]);
      await publishAll(store);
    }
    await store.operator.query('update zones set minimum = 77 where id = $1', [zone.id]);
    await publishAll(store);
    expect(await serialOf(store, zone.id)).toBe(1);
    const steps = await readHistory(store.pool, zone.id, 4_000_000_000, 1, 1e9);
    expect(steps?.map(({ toSerial }) => toSerial)).toEqual([4_294_967_295, 1]);
  });
  test('a zone made again starts past the last one', async () => {
    const zone = await freshZone();
    await store.operator
      .query('update zones set serial = 4294967295 where id = $1', [zone.id])
      .catch(() => {});
    await store.operator.query('update zones set serial = 2000000000 where id = $1', [zone.id]);
    await publishAll(store);
    await store.operator.query('delete from zones where id = $1', [zone.id]);
    const again = await addZone(store, zone.name);
    await publishAll(store);
    expect(await serialOf(store, again)).toBe(2000000001);
  });
});

describe('a zone without an apex NS', () => {
  test('has no first version; later it keeps its last good one, and goes on by itself when mended', async () => {
    const name = `bare${++count}.test.`;
    const { rows } = await store.operator.query(
      'insert into zones (name, primary_ns, contact) values ($1, $1, $1) returning id',
      [name],
    );
    const id = rows[0].id;
    await addRecord(store, id, `www.${name}`, 'A', '192.0.2.1');
    expect(await publishAll(store)).toEqual([]);
    const problem = async () =>
      (await store.operator.query('select problem, published_serial from zones where id = $1', [id])).rows[0];
    expect(await problem()).toMatchObject({
      problem: expect.stringContaining('no NS record'),
      published_serial: null,
    });
    const ns = await addRecord(store, id, name, 'NS', `ns1.${name}`);
    await publishAll(store);
    expect(await problem()).toEqual({ problem: null, published_serial: '1' });
    await store.operator.query('delete from records where id = $1', [ns]);
    await publishAll(store);
    await store.operator.query(`update records set content = '192.0.2.2' where zone_id = $1 and type = 'A'`, [
      id,
    ]);
    await publishAll(store);
    expect(await published(store, id)).toContain(`www.${name} 3600 A 192.0.2.1`);
    expect(await problem()).toMatchObject({
      problem: expect.stringContaining('no NS record'),
      published_serial: '1',
    });
    await addRecord(store, id, name, 'NS', `ns2.${name}`);
    expect(await publishAll(store)).toMatchObject([{ serial: 2, deleted: 2, added: 2 }]);
    expect(await published(store, id)).toContain(`www.${name} 3600 A 192.0.2.2`);
  });
});

describe('ALIAS', () => {
  test('is replaced by A and AAAA with the lower of both TTLs, in one serial; a failed look keeps them', async () => {
    const zone = await freshZone();
    await addRecord(store, zone.id, zone.name, 'ALIAS', `cdn.${zone.name}example.net.`, 60);
    await publishAll(store);
    expect(await published(store, zone.id)).toHaveLength(1);
    const target = `cdn.${zone.name}example.net.`;
    await lookAt(store, {
      [target]: { a: found(['192.0.2.1', '192.0.2.2'], 300), aaaa: found(['2001:db8::1'], 20) },
    });
    expect(await publishAll(store)).toMatchObject([{ from: 1, serial: 2, added: 3 }]);
    expect(await published(store, zone.id)).toEqual([
      `${zone.name} 20 AAAA 2001:db8::1`,
      `${zone.name} 3600 NS ns1.${zone.name}`,
      `${zone.name} 60 A 192.0.2.1`,
      `${zone.name} 60 A 192.0.2.2`,
    ]);
    await lookAt(store, {
      [target]: {
        a: { kind: 'failed', reason: 'servfail', detail: '' },
        aaaa: { kind: 'failed', reason: 'timeout', detail: '' },
      },
    });
    expect(await publishAll(store)).toEqual([]);
    await lookAt(store, {
      [target]: { a: found(['192.0.2.2', '192.0.2.3'], 300), aaaa: found(['2001:db8::1'], 20) },
    });
    expect(await publishAll(store)).toMatchObject([{ serial: 3, deleted: 1, added: 1 }]);
  });

  test('that replaces A, or gets another target, keeps what stood there until the first found answer', async () => {
    const zone = await freshZone();
    const name = `app.${zone.name}`;
    await addRecord(store, zone.id, name, 'A', '192.0.2.1', 300);
    await publishAll(store);
    await store.operator.query(
      `update records set type = 'ALIAS', content = 'first.example.net' where name = $1`,
      [name],
    );
    expect(await publishAll(store)).toEqual([]);
    expect(await published(store, zone.id)).toContain(`${name} 300 A 192.0.2.1`);
    const held = async () =>
      (await store.operator.query('select held_reason from aliases where owner = $1', [name])).rows[0]
        .held_reason;
    expect(await held()).toMatch(/first\.example\.net\. has not answered yet/);
    await lookAt(store, { 'first.example.net.': { a: found(['198.51.100.1'], 300), aaaa: nodata } });
    await publishAll(store);
    expect(await published(store, zone.id)).toContain(`${name} 300 A 198.51.100.1`);
    expect(await held()).toBeNull();
    await store.operator.query(`update records set content = 'second.example.net' where name = $1`, [name]);
    await publishAll(store);
    await lookAt(store, { 'second.example.net.': { a: { kind: 'nxdomain' }, aaaa: { kind: 'nxdomain' } } });
    expect(await publishAll(store)).toEqual([]);
    expect(await published(store, zone.id)).toContain(`${name} 300 A 198.51.100.1`);
    await lookAt(
      store,
      { 'second.example.net.': { a: { kind: 'nxdomain' }, aaaa: { kind: 'nxdomain' } } },
      Date.now() + 901_000,
    );
    expect(await publishAll(store)).toMatchObject([{ deleted: 1, added: 0 }]);
  });

  test('that replaces a CNAME keeps it until then', async () => {
    const zone = await freshZone();
    const name = `www.${zone.name}`;
    await addRecord(store, zone.id, name, 'CNAME', 'old.example.net.');
    await publishAll(store);
    await store.operator.query(
      `update records set type = 'ALIAS', content = 'third.example.net' where name = $1`,
      [name],
    );
    expect(await publishAll(store)).toEqual([]);
    expect(await published(store, zone.id)).toContain(`${name} 3600 CNAME old.example.net.`);
    await lookAt(store, { 'third.example.net.': { a: found(['198.51.100.1']), aaaa: nodata } });
    expect(await publishAll(store)).toMatchObject([{ deleted: 1, added: 1 }]);
  });

  test('of a target that is known already is published in the serial of the edit', async () => {
    const zone = await freshZone();
    await addRecord(store, zone.id, `a.${zone.name}`, 'ALIAS', 'known.example.net.');
    await publishAll(store);
    await lookAt(store, { 'known.example.net.': { a: found(['198.51.100.7']), aaaa: nodata } });
    await publishAll(store);
    await addRecord(store, zone.id, `b.${zone.name}`, 'ALIAS', 'KNOWN.example.net');
    expect(await publishAll(store)).toMatchObject([{ added: 1 }]);
    const { rows } = await store.operator.query(
      `select count(*) from alias_targets where name like 'known%'`,
    );
    expect(rows[0].count).toBe('1');
  });

  test('one target, many zones: one look, one serial each', async () => {
    const zones = [await freshZone(), await freshZone(), await freshZone()];
    for (const zone of zones) {
      await addRecord(store, zone.id, zone.name, 'ALIAS', 'shared.example.net.');
      await addRecord(store, zone.id, `www.${zone.name}`, 'ALIAS', 'shared.example.net.');
    }
    await publishAll(store);
    await lookAt(store, { 'shared.example.net.': { a: found(['198.51.100.8']), aaaa: nodata } });
    const versions = await publishAll(store);
    expect(versions).toHaveLength(3);
    for (const version of versions) expect(version).toMatchObject({ added: 2 });
  });
});

test('a zone that a client holds by its row is passed by, and others are not', async () => {
  const held = await freshZone();
  const free = await freshZone();
  const client = await store.operator.connect();
  await client.query('begin');
  await client.query('update zones set refresh = 1234 where id = $1', [held.id]);
  await addRecord(store, held.id, `a.${held.name}`, 'A', '192.0.2.1');
  await addRecord(store, free.id, `a.${free.name}`, 'A', '192.0.2.1');
  const { publishMarked } = await import('../../src/store/publication/publish.ts');
  const publication = await publishMarked(store.pool, {
    serialPolicy: 'increment',
    now: 0,
    zoneIds: [held.id, free.id],
  });
  expect(publication.locked).toEqual([free.id]);
  await client.query('commit');
  client.release();
  expect(await publishAll(store)).toMatchObject([{ name: held.name, added: 1 }]);
});
