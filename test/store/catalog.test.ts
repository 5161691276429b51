import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Outbox } from '../../src/store/outbox.ts';
import { Registry } from '../../src/store/registry.ts';
import { zonesOfSecondary } from '../../src/store/secondaries.ts';
import { readHistory } from '../../src/store/versions.ts';
import {
  addRecord,
  addZone,
  publishAll,
  published,
  serialOf,
  type TestStore,
  testStore,
} from '../support/store.ts';

let store: TestStore;
beforeEach(async () => {
  store = await testStore();
});
afterEach(() => store.close());

describe('a catalog (RFC 9432)', () => {
  test('lists the published zones that its secondary may have, no catalog and no other zone', async () => {
    await addZone(store, 'a.test.');
    await addZone(store, 'b.test.');
    await store.operator.query(
      `insert into zones (name, primary_ns, contact) values ('unready.test.', 'ns.a.test.', 'h@a.test')`,
    );
    await addSecondary('all', 'Cat.test', null);
    await addSecondary('some', 'some.test.', ['b.test.', 'c.test.', 'cat.test.']);
    await publishAll(store);
    expect(await members('cat.test.')).toEqual(['a.test.', 'b.test.']);
    expect(await members('some.test.')).toEqual(['b.test.']);
    expect(
      (await published(store, await idOf('cat.test.'))).filter((line) => !line.includes(' PTR ')),
    ).toEqual(['cat.test. 0 NS invalid.', 'version.cat.test. 0 TXT "2"']);
  });

  test('goes up by one serial with a member, and not with anything else', async () => {
    const a = await addZone(store, 'a.test.');
    await addSecondary('all', 'cat.test.', null);
    await addSecondary('some', 'some.test.', ['a.test.', 'c.test.']);
    await publishAll(store);
    const before = { all: await serial('cat.test.'), some: await serial('some.test.') };
    await addRecord(store, a, 'www.a.test.', 'A', '192.0.2.1');
    await store.operator.query(`update zones set refresh = 77 where id = $1`, [a]);
    expect((await publishAll(store)).map((zone) => zone.name)).toEqual(['a.test.']);

    await addZone(store, 'b.test.');
    expect((await publishAll(store)).map(({ name, added, deleted }) => [name, added, deleted])).toEqual([
      ['b.test.', 1, 0],
      ['cat.test.', 1, 0],
    ]);
    expect(await serial('cat.test.')).toBe(before.all + 1);
    expect(await serial('some.test.')).toBe(before.some);

    await store.operator.query(`delete from zones where name = 'b.test.'`);
    expect(await publishAll(store)).toMatchObject([{ name: 'cat.test.', added: 0, deleted: 1 }]);
    const steps = await readHistory(store.pool, await idOf('cat.test.'), before.all, before.all + 2, 1e6);
    expect(steps?.[0]?.added).toEqual(steps?.[1]?.deleted);
    expect(await members('cat.test.')).toEqual(['a.test.']);
  });

  test('keeps the label of a zone, and gives one made again another', async () => {
    await addZone(store, 'a.test.');
    await addSecondary('all', 'cat.test.', null);
    await publishAll(store);
    const first = await labels('cat.test.');
    await store.operator.query(`update zones set contact = 'new@a.test' where name = 'a.test.'`);
    await store.operator.query(`update secondaries set zones = '{a.test.,b.test.}'`);
    await publishAll(store);
    expect(await labels('cat.test.')).toEqual(first);
    const client = await store.operator.connect();
    await client.query('begin');
    await client.query(`delete from zones where name = 'a.test.'`);
    await client.query(
      `insert into zones (name, primary_ns, contact) values ('a.test.', 'ns.a.test.', 'h@a.test')`,
    );
    await client.query(
      `insert into records (zone_id, name, type, content) select id, name, 'NS', 'ns.a.test.' from zones where name = 'a.test.'`,
    );
    await client.query('commit');
    client.release();
    await publishAll(store);
    const second = await labels('cat.test.');
    expect(second).toHaveLength(1);
    expect(second).not.toEqual(first);
  });

  test('follows what its secondaries may have, changed together', async () => {
    for (const name of ['a.test.', 'b.test.', 'c.test.']) await addZone(store, name);
    await addSecondary('one', 'cat.test.', ['a.test.', 'b.test.']);
    await addSecondary('two', 'cat.test.', ['b.test.', 'a.test.', 'a.test.']);
    await publishAll(store);
    await expect(
      store.operator.query(`update secondaries set zones = '{c.test.}' where name = 'one'`),
    ).rejects.toThrow(/one: the catalog cat\.test\. is that of secondary two too, .* the same zones for all/);
    await expect(addSecondary('three', 'cat.test.', null)).rejects.toThrow(/three: the catalog/);
    await store.operator.query(`update secondaries set zones = '{b.test.,c.test.}'`);
    expect(await publishAll(store)).toMatchObject([{ name: 'cat.test.', added: 1, deleted: 1 }]);
    expect(await members('cat.test.')).toEqual(['b.test.', 'c.test.']);
  });

  test('goes with the last secondary that names it, and starts past its serial when it is named again', async () => {
    await addZone(store, 'a.test.');
    await addSecondary('one', 'cat.test.', null);
    await addSecondary('two', 'cat.test.', null);
    await publishAll(store);
    const before = await serial('cat.test.');
    await store.operator.query(`update secondaries set catalog = 'new.test.' where name = 'one'`);
    expect(await names()).toContain('cat.test.');
    await store.operator.query(`delete from secondaries where name = 'two'`);
    expect(await names()).toEqual(['a.test.', 'new.test.']);
    await store.operator.query(`update secondaries set catalog = null`);
    expect(await names()).toEqual(['a.test.']);
    await addSecondary('two', 'cat.test.', null);
    await publishAll(store);
    expect(await serial('cat.test.')).toBe(before + 1);
  });

  test('stays when one client takes the last mention away while another names it', async () => {
    await addSecondary('one', 'cat.test.', null);
    const [first, second] = [await store.operator.connect(), await store.operator.connect()];
    await first.query('begin');
    await first.query(
      `insert into secondaries (name, addresses, catalog) values ('two', '{192.0.2.2}', 'cat.test.')`,
    );
    const deleted = second.query(`delete from secondaries where name = 'one'`);
    await first.query('select pg_sleep(0.2)');
    await first.query('commit');
    await deleted;
    first.release();
    second.release();
    expect(await names()).toEqual(['cat.test.']);
  });

  test('is told to its own secondaries alone, and may be had by them alone', async () => {
    await addZone(store, 'a.test.');
    await addSecondary('with', 'cat.test.', null);
    await addSecondary('without', null, null);
    await publishAll(store);
    await addZone(store, 'b.test.');
    await publishAll(store);
    await new Outbox(store.pool).reconcile();
    const { rows } = await store.operator.query(
      `select z.name as zone, s.name from notifications n join zones z on z.id = n.zone_id join secondaries s on s.id = n.secondary_id order by 1, 2`,
    );
    expect(rows.map((row) => `${row.zone} ${row.name}`)).toEqual([
      'a.test. with',
      'a.test. without',
      'b.test. with',
      'b.test. without',
      'cat.test. with',
    ]);
    const registry = new Registry(store.pool);
    await registry.read();
    expect(registry.registrations().map((registration) => registration.catalog)).toEqual([
      'cat.test.',
      undefined,
    ]);
    expect(await zonesOfSecondary(store.pool, 'with')).toEqual(['a.test.', 'b.test.']);
  });

  test('six thousand zones are six thousand members, whatever the slices', async () => {
    await store.operator.query(
      `with made as (insert into zones (name, primary_ns, contact) select 'z' || n || '.test.', 'ns.test.', 'h.test.' from generate_series(1, 6000) n returning id, name)
       insert into records (zone_id, name, type, content) select id, name, 'NS', 'ns.test.' from made`,
    );
    await publishAll(store);
    await addSecondary('all', 'cat.test.', null);
    expect(await publishAll(store)).toMatchObject([{ name: 'cat.test.', added: 6002 }]);
    await store.operator.query(`delete from zones where name like 'z1%'`);
    await store.operator.query(
      `update secondaries set zones = (select array_agg(name) from zones where name like 'z2%')`,
    );
    await publishAll(store);
    expect(await members('cat.test.')).toHaveLength(1111);
  });
});

describe('refused in words', () => {
  test('what a catalog can not be', async () => {
    await addZone(store, 'a.test.');
    await expect(addSecondary('s', 'A.test', null)).rejects.toThrow(/s: a\.test\. is a zone already/);
    await expect(addSecondary('s', '', null)).rejects.toThrow(/s: catalog "" holds/);
    await expect(addSecondary('s', 'a..b', null)).rejects.toThrow(/s: catalog "a..b" holds an empty label/);
    const long = `${'x'.repeat(60)}.`.repeat(4);
    await expect(addSecondary('s', long, null)).rejects.toThrow(/too long/);
    expect(await names()).toEqual(['a.test.']);
  });

  test('what an operator writes into a catalog', async () => {
    await addZone(store, 'a.test.');
    await addSecondary('s', 'cat.test.', null);
    await publishAll(store);
    const id = await idOf('cat.test.');
    await expect(addRecord(store, id, 'www.cat.test.', 'A', '192.0.2.1')).rejects.toThrow(
      /record www\.cat\.test\. A: cat\.test\. is a catalog, .* nothing can be written into it/,
    );
    await expect(
      store.operator.query(`update records set zone_id = $1, name = 'x.cat.test.'`, [id]),
    ).rejects.toThrow(/is a catalog/);
    await expect(store.operator.query(`delete from zones where id = $1`, [id])).rejects.toThrow(
      /zone cat\.test\.: it is the catalog of secondary s/,
    );
    await expect(store.operator.query(`update zones set catalog = false`)).rejects.toThrow(
      /by the service alone/,
    );
    await expect(
      store.operator.query(
        `insert into zones (name, primary_ns, contact, catalog) values ('c.test.', 'ns.', 'h.', true)`,
      ),
    ).rejects.toThrow(/by the service alone/);
    await store.operator.query(`update zones set refresh = 60 where id = $1`, [id]);
    expect(await publishAll(store)).toMatchObject([{ name: 'cat.test.', added: 0, deleted: 0 }]);
  });
});

async function addSecondary(name: string, catalog: string | null, zones: string[] | null): Promise<void> {
  await store.operator.query(
    `insert into secondaries (name, addresses, catalog, zones) values ($1, '{192.0.2.1}', $2, $3)`,
    [name, catalog, zones],
  );
}

async function idOf(name: string): Promise<string> {
  const { rows } = await store.operator.query('select id from zones where name = $1', [name]);
  return rows[0].id;
}

async function serial(name: string): Promise<number> {
  return serialOf(store, await idOf(name));
}

async function names(): Promise<string[]> {
  return (await store.operator.query('select name from zones order by name')).rows.map((row) => row.name);
}

async function members(catalog: string): Promise<string[]> {
  const lines = await published(store, await idOf(catalog));
  return lines.flatMap((line) => / PTR (.*)/.exec(line)?.[1] ?? []).sort();
}

async function labels(catalog: string): Promise<string[]> {
  const lines = await published(store, await idOf(catalog));
  return lines.flatMap((line) => /^(\w+)\.zones\./.exec(line)?.[1] ?? []);
}
