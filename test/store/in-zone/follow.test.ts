import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { recheckDenied } from '../../../src/store/in-zone/recheck.ts';
import { guardPolicy } from '../../../src/zone/guard.ts';
import {
  addRecord,
  addZone,
  lookAt,
  policy,
  publishAll,
  published,
  serialOf,
  type TestStore,
  testStore,
} from '../../support/store.ts';

const guards = guardPolicy({ empty: 100, change: 100, apex: false }, policy);

let store: TestStore;
let zone: { id: string; name: string };
let count = 0;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());
beforeEach(async () => {
  zone = await newZone();
});

async function newZone(name = `z${++count}.test.`) {
  const id = await addZone(store, name);
  await publishAll(store);
  return { id, name };
}
const add = (name: string, type: string, content: string, ttl = 3600, id = zone.id) =>
  addRecord(
    store,
    id,
    name === '' ? zone.name : name.endsWith('.') ? name : `${name}.${zone.name}`,
    type,
    content,
    ttl,
  );
const own = (name: string) => `${name}.${zone.name}`;
/** The addresses at one name, as "ttl type content". */
async function at(name: string, id = zone.id) {
  const owner = name === '' ? zone.name : name.endsWith('.') ? name : own(name);
  return (await published(store, id))
    .filter((line) => line.startsWith(`${owner} `) && / A+ /.test(line))
    .map((line) => line.slice(owner.length + 1));
}
const edit = (text: string, values: unknown[] = []) => store.operator.query(text, values);
const remove = (name: string) => edit('delete from records where name = $1', [own(name)]);
async function aliasOf(name: string) {
  const { rows } = await edit('select path, held_reason, recheck_at from aliases where owner = $1', [
    name === '' ? zone.name : own(name),
  ]);
  return rows[0];
}
/** Names that resolvers would be asked for, for this zone. */
async function followed() {
  const { rows } = await edit(
    'select name from alias_targets where name in (select target from aliases where zone_id = $1)',
    [zone.id],
  );
  return rows.map((row) => row.name);
}
const found = (addresses: string[], ttl = 300) => ({ kind: 'found' as const, addresses, ttl });
const nodata = { kind: 'nodata' as const };

describe('answered from records', () => {
  test('A, AAAA, and both, below the apex and at it, in one serial with the records themselves', async () => {
    const client = await store.operator.connect();
    await client.query('begin');
    for (const [name, type, content, ttl] of [
      [zone.name, 'ALIAS', own('web'), 600],
      [own('four'), 'ALIAS', own('a'), 600],
      [own('web'), 'A', '192.0.2.1', 300],
      [own('web'), 'A', '192.0.2.2', 200],
      [own('web'), 'AAAA', '2001:db8::1', 900],
      [own('a'), 'A', '192.0.2.3', 3600],
    ])
      await client.query(
        'insert into records (zone_id, name, type, content, ttl) values ($1, $2, $3, $4, $5)',
        [zone.id, name, type, content, ttl],
      );
    await client.query('commit');
    client.release();
    await publishAll(store);
    expect(await at('')).toEqual(['200 A 192.0.2.1', '200 A 192.0.2.2', '600 AAAA 2001:db8::1']);
    expect(await at('four')).toEqual(['600 A 192.0.2.3']);
    expect(await serialOf(store, zone.id)).toBe(2);
    expect(await followed()).toEqual([]);
  });

  test('a chain of CNAME, wildcard, DNAME and ALIAS over zones, with the lowest TTL of all', async () => {
    const other = await newZone();
    await add('', 'ALIAS', own('www'), 3600);
    await add('www', 'CNAME', own('x.wild'), 1000);
    await add('*.wild', 'CNAME', own('q.moved'), 900);
    await add('moved', 'DNAME', other.name, 800);
    await add(`q.${other.name}`, 'ALIAS', `end.${other.name}`, 700, other.id);
    await add(`end.${other.name}`, 'A', '192.0.2.7', 750, other.id);
    await publishAll(store);
    expect(await at('')).toEqual(['700 A 192.0.2.7']);
    expect((await aliasOf('')).path).toEqual([
      own('www'),
      own('x.wild'),
      own('q.moved'),
      `q.${other.name}`,
      `end.${other.name}`,
    ]);
  });

  test('disabled records do not answer, deeper zones go first, a wildcard ALIAS is a wildcard', async () => {
    await add('', 'ALIAS', own('a.sub'));
    await add('a.sub', 'A', '192.0.2.1');
    await add('*', 'ALIAS', own('a.sub'));
    await publishAll(store);
    expect(await at('')).toEqual(['3600 A 192.0.2.1']);
    expect(await at('*')).toEqual(['3600 A 192.0.2.1']);
    const sub = await newZone(own('sub'));
    await add(own('a.sub'), 'A', '192.0.2.2', 3600, sub.id);
    await publishAll(store);
    expect(await at('')).toEqual(['3600 A 192.0.2.2']);
    expect(await at('*')).toEqual(['3600 A 192.0.2.2']);
    await add(own('a.sub'), 'A', '192.0.2.3', 3600, sub.id);
    await edit(`update records set disabled = true where content = '192.0.2.2' and zone_id = $1`, [sub.id]);
    await publishAll(store);
    expect(await at('')).toEqual(['3600 A 192.0.2.3']);
    await edit('delete from zones where id = $1', [sub.id]);
    await publishAll(store);
    expect(await at('')).toEqual(['3600 A 192.0.2.1']);
  });

  test('addresses that lead nowhere are left out; where none is left, what stood before stays', async () => {
    const id = await add('web', 'A', '192.0.2.1');
    await add('web', 'A', '127.0.0.1');
    await add('', 'ALIAS', own('web'));
    await publishAll(store);
    expect(await at('')).toEqual(['3600 A 192.0.2.1']);
    await edit('delete from records where id = $1', [id]);
    await publishAll(store);
    expect(await at('')).toEqual(['3600 A 192.0.2.1']);
    expect((await aliasOf('')).held_reason).toMatch(/127\.0\.0\.1 \(loopback\).*stood here before stays/);
  });
});

describe('an edit on the way is followed in the serial of the edit', () => {
  const cases: [
    what: string,
    before: () => Promise<unknown>,
    edit: () => Promise<unknown>,
    after: string[],
  ][] = [
    [
      'of the addresses',
      () => add('t', 'A', '192.0.2.1'),
      () => edit(`update records set content = '192.0.2.2' where name = $1`, [own('t')]),
      ['3600 A 192.0.2.2'],
    ],
    [
      'of a TTL',
      () => add('t', 'A', '192.0.2.1'),
      () => edit(`update records set ttl = 60 where name = $1`, [own('t')]),
      ['60 A 192.0.2.1'],
    ],
    [
      'that adds a family',
      () => add('t', 'A', '192.0.2.1'),
      () => add('t', 'AAAA', '2001:db8::1'),
      ['3600 A 192.0.2.1', '3600 AAAA 2001:db8::1'],
    ],
    [
      'that takes a family',
      () => add('t', 'A', '192.0.2.1').then(() => add('t', 'AAAA', '2001:db8::1')),
      () => edit(`delete from records where name = $1 and type = 'AAAA'`, [own('t')]),
      ['3600 A 192.0.2.1'],
    ],
    [
      'of a CNAME in the middle',
      () =>
        add('t', 'CNAME', own('u'))
          .then(() => add('u', 'A', '192.0.2.1'))
          .then(() => add('v', 'A', '192.0.2.2')),
      () => edit('update records set content = $1 where name = $2', [own('v'), own('t')]),
      ['3600 A 192.0.2.2'],
    ],
    [
      'of an ALIAS in the middle',
      () =>
        add('t', 'ALIAS', own('u'))
          .then(() => add('u', 'A', '192.0.2.1'))
          .then(() => add('v', 'A', '192.0.2.2')),
      () => edit('update records set content = $1 where name = $2', [own('v'), own('t')]),
      ['3600 A 192.0.2.2'],
    ],
    [
      'of the wildcard that matched',
      () => add('*', 'A', '192.0.2.1'),
      () => edit(`update records set content = '192.0.2.2' where name = $1`, [own('*')]),
      ['3600 A 192.0.2.2'],
    ],
    [
      'that hides the wildcard',
      () => add('*', 'A', '192.0.2.1'),
      () => add('t', 'A', '192.0.2.2'),
      ['3600 A 192.0.2.2'],
    ],
    [
      'that brings a wildcard back',
      () => add('*', 'A', '192.0.2.1').then(() => add('t', 'A', '192.0.2.2')),
      () => edit(`delete from records where name = $1`, [own('t')]),
      ['3600 A 192.0.2.1'],
    ],
    [
      'that makes a wildcard',
      () => add('u', 'A', '192.0.2.3'),
      () => add('*', 'A', '192.0.2.1'),
      ['3600 A 192.0.2.1'],
    ],
  ];
  test.each(cases)('%s', async (_what, before, change, after) => {
    await before();
    await add('', 'ALIAS', own('t'));
    await publishAll(store);
    const serial = await serialOf(store, zone.id);
    await change();
    await publishAll(store);
    expect(await at('')).toEqual(after);
    expect(await serialOf(store, zone.id)).toBe(serial + 1);
    expect(await publishAll(store)).toEqual([]);
  });

  test('that makes an empty non-terminal, which a wildcard passes by, and one that takes it away', async () => {
    await add('*', 'A', '192.0.2.1');
    await add('', 'ALIAS', own('x.y'));
    await publishAll(store);
    expect(await at('')).toEqual(['3600 A 192.0.2.1']);
    await add('deep.down.y', 'TXT', '"here"');
    await publishAll(store);
    expect((await aliasOf('')).held_reason).toContain('no such name');
    await remove('deep.down.y');
    await publishAll(store);
    expect((await aliasOf('')).held_reason).toBeNull();
  });

  test('in another zone, which gets a serial of its own', async () => {
    const other = await newZone();
    await add(`t.${other.name}`, 'A', '192.0.2.1', 3600, other.id);
    await add('', 'ALIAS', `t.${other.name}`);
    await add('www', 'ALIAS', zone.name);
    await publishAll(store);
    expect(await at('www')).toEqual(['3600 A 192.0.2.1']);
    const serial = await serialOf(store, zone.id);
    await edit(`update records set content = '192.0.2.2' where name = $1`, [`t.${other.name}`]);
    await publishAll(store);
    expect([await at(''), await at('www')]).toEqual([['3600 A 192.0.2.2'], ['3600 A 192.0.2.2']]);
    expect(await serialOf(store, zone.id)).toBe(serial + 1);
  });

  test('and one that is none of it publishes nothing else', async () => {
    await add('t', 'A', '192.0.2.1');
    await add('', 'ALIAS', own('t'));
    await publishAll(store);
    await add('', 'MX', '10 mail.example.net.');
    await add('u', 'A', '192.0.2.9');
    const { rows } = await edit(`select count(*) from zone_marks`);
    expect(rows[0].count).toBe('2');
    expect(await publishAll(store)).toMatchObject([{ added: 2, deleted: 0 }]);
  });
});

describe('a way that leaves our zones', () => {
  test('goes on at the resolver, its TTLs counted, and comes back when a cut, a zone or a CNAME changes', async () => {
    await add('', 'ALIAS', own('www'), 3600);
    await add('www', 'CNAME', 'cdn.example.net.', 120);
    await publishAll(store);
    expect(await followed()).toEqual(['cdn.example.net.']);
    await lookAt(store, { 'cdn.example.net.': { a: found(['192.0.2.1'], 300), aaaa: nodata } });
    await publishAll(store);
    expect(await at('')).toEqual(['120 A 192.0.2.1']);
    await edit(`update records set ttl = 3600 where name = $1`, [own('www')]);
    await publishAll(store);
    expect(await at('')).toEqual(['300 A 192.0.2.1']);
    await edit('delete from records where name = $1', [own('www')]);
    await add('www', 'A', '192.0.2.5');
    await publishAll(store);
    expect(await at('')).toEqual(['3600 A 192.0.2.5']);
    expect(await followed()).toEqual([]);
  });

  test('below a zone cut, until the cut goes', async () => {
    await add('', 'ALIAS', own('a.b.cut'));
    await add('a.b.cut', 'A', '192.0.2.1');
    await publishAll(store);
    expect(await at('')).toEqual(['3600 A 192.0.2.1']);
    const cut = await add('cut', 'NS', 'ns.example.net.');
    await publishAll(store);
    expect(await followed()).toEqual([own('a.b.cut')]);
    // what stood there before stays until the resolver has answered
    expect(await at('')).toEqual(['3600 A 192.0.2.1']);
    await lookAt(store, { [own('a.b.cut')]: { a: found(['192.0.2.8'], 60), aaaa: nodata } });
    await publishAll(store);
    expect(await at('')).toEqual(['60 A 192.0.2.8']);
    await edit('delete from records where id = $1', [cut]);
    await publishAll(store);
    expect(await at('')).toEqual(['3600 A 192.0.2.1']);
    expect(await followed()).toEqual([]);
  });

  test('a zone made later that covers a target answers for it; deleted, the resolver does again', async () => {
    const [name, under] = [`later${count}.test.`, `deep.later${count}.test.`];
    await add('', 'ALIAS', under);
    await add('other', 'ALIAS', name);
    await publishAll(store);
    expect((await followed()).sort()).toEqual([under, name].sort());
    const { rows } = await edit(
      'insert into zones (name, primary_ns, contact) values ($1, $1, $1) returning id',
      [name],
    );
    const id = rows[0].id;
    await publishAll(store);
    expect((await aliasOf('')).held_reason).toContain(`the zone ${name}, which has no NS record`);
    expect(await followed()).toEqual([]);
    await add(under, 'A', '192.0.2.4', 3600, id);
    await add(name, 'A', '192.0.2.5', 3600, id);
    await add(name, 'NS', 'ns.example.net.', 3600, id);
    await publishAll(store);
    expect([await at(''), await at('other')]).toEqual([['3600 A 192.0.2.4'], ['3600 A 192.0.2.5']]);
    await edit('delete from zones where id = $1', [id]);
    await publishAll(store);
    expect((await followed()).sort()).toEqual([under, name].sort());
    expect(await at('')).toEqual(['3600 A 192.0.2.4']);
  });
});

describe('loops are failures, named with their full path, and hold what is published', () => {
  test('of ALIAS records, edited into one and out of it', async () => {
    await add('a', 'ALIAS', own('b'));
    await add('b', 'A', '192.0.2.1');
    await publishAll(store);
    await remove('b');
    await add('b', 'ALIAS', own('a'));
    await publishAll(store);
    const serial = await serialOf(store, zone.id);
    expect((await aliasOf('a')).held_reason).toBe(
      `loop: ${own('a')} -> ${own('b')} -> ${own('a')}: what stood here before stays`,
    );
    expect((await aliasOf('b')).held_reason).toContain(`loop: ${own('b')} -> ${own('a')} -> ${own('b')}`);
    expect(await at('a')).toEqual(['3600 A 192.0.2.1']);
    await edit('update records set ttl = 77 where name = $1', [own('a')]);
    await publishAll(store);
    expect(await publishAll(store)).toEqual([]);
    expect(await serialOf(store, zone.id)).toBe(serial);
    await edit(`update records set content = 'cdn.example.net.' where name = $1`, [own('b')]);
    await publishAll(store);
    expect(await followed()).toEqual(['cdn.example.net.']);
    await lookAt(store, { 'cdn.example.net.': { a: found(['192.0.2.9']), aaaa: nodata } });
    await publishAll(store);
    expect([await at('a'), await at('b')]).toEqual([['77 A 192.0.2.9'], ['300 A 192.0.2.9']]);
  });

  test('to oneself, by a CNAME farther on, through a wildcard', async () => {
    await add('self', 'ALIAS', own('self'));
    await add('far', 'ALIAS', own('one'));
    await add('one', 'CNAME', own('two'));
    await add('two', 'CNAME', own('one'));
    await add('*.w', 'ALIAS', own('x.w'));
    await publishAll(store);
    expect((await aliasOf('self')).held_reason).toBe(`loop: ${own('self')} -> ${own('self')}`);
    expect((await aliasOf('far')).held_reason).toBe(
      `loop: ${own('far')} -> ${own('one')} -> ${own('two')} -> ${own('one')}`,
    );
    expect((await aliasOf('*.w')).held_reason).toBe(`loop: ${own('*.w')} -> ${own('x.w')} -> ${own('x.w')}`);
  });

  test('a way of more than 16 links', async () => {
    for (let link = 0; link < 20; link++) await add(`l${link}`, 'CNAME', own(`l${link + 1}`));
    await add('l20', 'A', '192.0.2.1');
    await add('long', 'ALIAS', own('l0'));
    await add('short', 'ALIAS', own('l5'));
    await publishAll(store);
    expect((await aliasOf('long')).held_reason).toMatch(/^more than 16 links: l0\..* -> l17\.[^>]*$/);
    expect(await at('short')).toEqual(['3600 A 192.0.2.1']);
  });
});

describe('a name without addresses', () => {
  test('holds those of before for NEGATIVE_HOLD, then withdraws them; a second edit does not begin it anew', async () => {
    const id = await add('t', 'A', '192.0.2.1');
    await add('', 'ALIAS', own('t'));
    await publishAll(store, 0);
    await edit('delete from records where id = $1', [id]);
    await publishAll(store, 1_000);
    expect(await at('')).toEqual(['3600 A 192.0.2.1']);
    expect(await aliasOf('')).toMatchObject({
      held_reason: expect.stringMatching(/no such name.*NEGATIVE_HOLD/),
      recheck_at: new Date(901_000),
    });
    await add('t', 'TXT', '"edited"');
    await publishAll(store, 800_000);
    expect(await at('')).toEqual(['3600 A 192.0.2.1']);
    await add('t', 'TXT', '"again"');
    await recheckDenied(store.pool, 900_000, guards);
    await publishAll(store, 900_000);
    expect(await at('')).toEqual(['3600 A 192.0.2.1']);
    await recheckDenied(store.pool, 901_000, guards);
    await publishAll(store, 901_000);
    expect(await at('')).toEqual([]);
  });

  test('publishes nothing where nothing stood before', async () => {
    await add('', 'ALIAS', own('nothing'));
    await publishAll(store);
    expect(await at('')).toEqual([]);
    await add('nothing', 'AAAA', '2001:db8::1');
    await publishAll(store);
    expect(await at('')).toEqual(['3600 AAAA 2001:db8::1']);
  });
});
