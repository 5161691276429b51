import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addRecord, addZone, type TestStore, testStore } from '../support/store.ts';

let store: TestStore;
let zoneId: string;
beforeAll(async () => {
  store = await testStore();
  zoneId = await addZone(store, 'example.com.');
});
afterAll(() => store.close());

const hex = (octets: number) => 'ab'.repeat(octets);

describe('records that could never be served are refused by the database, by name', () => {
  test.each([
    ['www.example.com.', 'A', '1.2.3'],
    ['www.example.com.', 'A', '256.1.1.1'],
    ['www.example.com.', 'A', '01.2.3.4'],
    ['www.example.com.', 'AAAA', '1.2.3.4'],
    ['www.example.com.', 'AAAA', '2001:db8::g'],
    ['www.example.com.', 'AAAA', '2001:db8:::1'],
    ['www.example.com.', 'CNAME', 'a..b'],
    ['www.example.com.', 'NS', 'a b'],
    ['www.example.com.', 'PTR', `${'x'.repeat(64)}.example.`],
    ['www.example.com.', 'DNAME', `${'abcdefghi.'.repeat(26)}`],
    ['www.example.com.', 'MX', 'mail.example.com.'],
    ['www.example.com.', 'MX', '65536 mail.example.com.'],
    ['www.example.com.', 'SRV', '0 0 65536 sip.example.com.'],
    ['www.example.com.', 'SRV', '0 5060 sip.example.com.'],
    ['www.example.com.', 'TXT', `"${'x'.repeat(256)}"`],
    ['www.example.com.', 'TXT', '"unfinished'],
    ['www.example.com.', 'TXT', '"\\256"'],
    ['www.example.com.', 'SPF', ''],
    ['www.example.com.', 'CAA', '0 issue'],
    ['www.example.com.', 'CAA', '256 issue "ca.example"'],
    ['www.example.com.', 'SSHFP', `1 1 ${hex(19)}`],
    ['www.example.com.', 'TLSA', `3 1 1 ${hex(31)}`],
    ['www.example.com.', 'TLSA', '3 1 1 xyz'],
    ['www.example.com.', 'DS', `1 8 2 ${hex(20)}`],
    ['www.example.com.', 'DS', `70000 8 2 ${hex(32)}`],
    ['www.example.com.', 'SVCB', 'example.com.'],
    ['www.example.com.', 'HTTPS', '1 . port=70000'],
    ['www.example.com.', 'HTTPS', '0 example.com. alpn=h2'],
    ['www.example.com.', 'HTTPS', '1 . colour=red'],
    ['www.example.com.', 'TYPE65400', '\\# 3 abcd'],
    ['www.example.com.', 'TYPE65400', 'text'],
    ['www.example.com.', 'A', '\\# 2 zz'],
    // the generic form of a common type must be what the type says (RFC 3597, 5)
    ['www.example.com.', 'A', '\\# 3 aabbcc'],
    ['www.example.com.', 'AAAA', '\\# 4 aabbccdd'],
    ['www.example.com.', 'NS', '\\# 1 05'],
    ['www.example.com.', 'MX', '\\# 2 0001'],
    ['www.example.com.', 'SRV', '\\# 3 000102'],
    ['www.example.com.', 'CAA', '\\# 1 00'],
    ['www.example.com.', 'TXT', '\\# 2 05aa'],
    ['www.example.com.', 'HTTPS', '\\# 7 0001000001000268'],
    ['www.example.com.', 'AAAA', '::1.2.3'],
    ['www.example.com.', 'NS', 'a"b.example.'],
    ['www.example.com.', 'NS', 'a\\1.example.'],
    ['www.example.com.', 'NS', 'example\\'],
    ['www.example.com.', 'CAA', '0 issue "\\256"'],
    ['www.example.com.', 'HTTPS', '1 . ipv4hint=1.2.3'],
    ['www.example.com.', 'HTTPS', '1 . ipv6hint="2001:db8::1,zz"'],
    ['www.example.com.', 'HTTPS', '1 . mandatory=port'],
    ['www.example.com.', 'HTTPS', '1 . no-default-alpn'],
    ['www.example.com.', 'HTTPS', '1 . key65535=a'],
    // no message of a transfer could carry it
    ['www.example.com.', 'TXT', `"${'x'.repeat(255)}" `.repeat(251)],
    ['www.example.com.', 'TYPE65400', `\\# 64001 ${hex(64001)}`],
    ['www.example.com.', 'NONSENSE', 'x'],
    ['www.example.com.', 'TYPE70000', '\\# 0'],
    ['example.com.', 'SOA', 'ns. h. 1 2 3 4 5'],
    ['www.example.com.', 'ANY', '\\# 0'],
    ['www.example.com.', 'AXFR', '\\# 0'],
    ['www.example.com.', 'RRSIG', 'A 8 2 60 20260101000000 20250101000000 1 example.com. AAAA'],
    ['www.example.com.', 'NSEC', 'a.example.com. A'],
    ['www.example.com.', 'CDS', `1 8 2 ${hex(32)}`],
    ['example.com.', 'DNSKEY', '257 3 8 AAAA'],
    ['www.example.org.', 'A', '192.0.2.1'],
    ['www', 'A', '192.0.2.1'],
    ['a\\.example.com.', 'A', '192.0.2.1'],
    ['ü.example.com.', 'A', '192.0.2.1'],
    ['a..example.com.', 'A', '192.0.2.1'],
    [`${'x'.repeat(64)}.example.com.`, 'A', '192.0.2.1'],
    ['www.example.com.', 'ALIAS', '.'],
    ['www.example.com.', 'ALIAS', 'two words'],
  ])('%s %s %s', async (name, type, content) => {
    const refused = addRecord(store, zoneId, name, type, content);
    await expect(refused).rejects.toMatchObject({ code: '23514' });
    await expect(refused).rejects.toThrow(/^record /);
  });

  test.each([[-1], [2_147_483_648]])('TTL %d', async (ttl) => {
    await expect(addRecord(store, zoneId, 'ttl.example.com.', 'A', '192.0.2.1', ttl)).rejects.toThrow(
      /ttl|out of range/i,
    );
  });

  test.each([
    ['www.example.com', 'a', '192.0.2.1', 'www.example.com.', 'A', '192.0.2.1'],
    ['\\119ww.Example.com.', 'TYPE1', '192.0.2.2', 'www.Example.com.', 'A', '192.0.2.2'],
    [
      't.example.com.',
      'TXT',
      ` "a;b" c\\010 "${'x'.repeat(255)}" `,
      't.example.com.',
      'TXT',
      `"a;b" c\\010 "${'x'.repeat(255)}"`,
    ],
    ['m.example.com.', 'MX', '010  mail.example.com', 'm.example.com.', 'MX', '10 mail.example.com.'],
    ['sp\\032ace.example.com.', 'A', '192.0.2.1', 'sp\\032ace.example.com.', 'A', '192.0.2.1'],
    ['at@.example.com.', 'A', '192.0.2.1', 'at\\@.example.com.', 'A', '192.0.2.1'],
    ['alias.example.com.', 'ANAME', 'CDN.example.net', 'alias.example.com.', 'ALIAS', 'CDN.example.net.'],
    ['u.example.com.', 'type65400', '\\# 4 dead beef', 'u.example.com.', 'TYPE65400', '\\# 4 dead beef'],
    ['q.example.com.', 'TXT', '"two words"three', 'q.example.com.', 'TXT', '"two words"three'],
    [
      's.example.com.',
      'HTTPS',
      '1 svc.example.net alpn="h2"',
      's.example.com.',
      'HTTPS',
      '1 svc.example.net. alpn="h2"',
    ],
    [
      'd.example.com.',
      'DS',
      `1 ECDSAP256SHA256 2 ${hex(32)}`,
      'd.example.com.',
      'DS',
      `1 ECDSAP256SHA256 2 ${hex(32)}`,
    ],
    ['sub.example.com.', 'DNSKEY', '257 3 8 AwEAAag=', 'sub.example.com.', 'DNSKEY', '257 3 8 AwEAAag='],
  ])('normal form of %s %s %s', async (name, type, content, ...normal) => {
    const id = await addRecord(store, zoneId, name, type, content);
    const { rows } = await store.operator.query('select name, type, content from records where id = $1', [
      id,
    ]);
    expect(Object.values(rows[0])).toEqual(normal);
  });
});

describe('what excludes one another at one name', () => {
  const both = async (
    first: [string, string],
    second: [string, string],
    options: { disabled?: boolean } = {},
  ) => {
    const name = `c${Math.random().toString(36).slice(2)}.example.com.`;
    await addRecord(store, zoneId, name, ...first);
    if (options.disabled)
      await store.operator.query('update records set disabled = true where name = $1', [name]);
    await addRecord(store, zoneId, name, ...second);
  };
  const a: [string, string] = ['A', '192.0.2.1'];
  const alias: [string, string] = ['ALIAS', 'cdn.example.net.'];
  const cname: [string, string] = ['CNAME', 'cdn.example.net.'];
  const mx: [string, string] = ['MX', '10 mail.example.com.'];
  test.each([
    [cname, mx],
    [mx, cname],
    [cname, cname],
    [cname, alias],
    [alias, a],
    [a, alias],
    [alias, ['AAAA', '2001:db8::1']],
    [alias, alias],
    [
      ['DNAME', 'a.example.'],
      ['DNAME', 'b.example.'],
    ],
  ] as [[string, string], [string, string]][])('%j beside %j', async (first, second) => {
    const refused = both(first, second);
    await expect(refused).rejects.toMatchObject({ code: '23P01' });
    await expect(refused).rejects.toThrow(/^record c\w+\.example\.com\. /);
  });
  test.each([
    [alias, mx],
    [a, ['A', '192.0.2.2']],
    [a, ['A', '192.0.2.1']],
    [mx, ['TXT', '"x"']],
    [['DNAME', 'a.example.'], a],
  ] as [[string, string], [string, string]][])('%j may stand beside %j', async (first, second) => {
    await both(first, second);
  });
  test('a disabled row excludes nothing', () => both(cname, mx, { disabled: true }));

  test('it is judged at commit: a swap within one transaction is fine', async () => {
    const client = await store.operator.connect();
    await client.query(
      `insert into records (zone_id, name, type, content) values ($1, 'swap.example.com.', 'CNAME', 'x.example.')`,
      [zoneId],
    );
    await client.query('begin');
    await client.query(
      `insert into records (zone_id, name, type, content) values ($1, 'swap.example.com.', 'A', '192.0.2.1')`,
      [zoneId],
    );
    await client.query(`delete from records where name = 'swap.example.com.' and type = 'CNAME'`);
    await client.query('commit');
    client.release();
  });

  test.each(['read committed', 'repeatable read', 'serializable'])(
    'two transactions at once, %s: one of them is refused',
    async (level) => {
      const name = `race-${level.replaceAll(' ', '-')}.example.com.`;
      const one = await store.operator.connect();
      const two = await store.operator.connect();
      for (const client of [one, two]) {
        await client.query(`begin isolation level ${level}`);
        await client.query('select count(*) from records');
      }
      await one.query(
        `insert into records (zone_id, name, type, content) values ($1, $2, 'CNAME', 'x.example.')`,
        [zoneId, name],
      );
      const insertedTwo = two.query(
        `insert into records (zone_id, name, type, content) values ($1, $2, 'A', '192.0.2.1')`,
        [zoneId, name],
      );
      const [first, second] = await Promise.allSettled([
        one.query('commit'),
        insertedTwo.then(() => two.query('commit')),
      ]);
      await Promise.allSettled([one.query('rollback'), two.query('rollback')]);
      one.release();
      two.release();
      expect([first.status, second.status].sort()).toEqual(['fulfilled', 'rejected']);
      const { rows } = await store.operator.query('select type from records where name = $1', [name]);
      expect(rows).toHaveLength(1);
    },
  );
});

describe('zones, keys, secondaries and the tables of the service', () => {
  test.each([
    [`update zones set name = 'other.'`, /can't be changed/],
    [`update zones set serial = 0`, /not newer/],
    [`update zones set serial = serial - 1`, /not newer|unsigned/],
    [`update zones set serial = (serial + 2147483648) % 4294967296`, /not newer/],
    [`update zones set published_serial = 9`, /service alone/],
    [`insert into zones (name, primary_ns, contact) values (null, 'ns.', 'h@x.')`, /name holds nothing/],
    [`insert into zones (name, primary_ns, contact) values ('n.', null, 'h@x.')`, /primary_ns/],
    [`insert into zones (name, primary_ns, contact) values ('n.', 'ns.', '')`, /contact/],
    [`insert into zones (name, primary_ns, contact) values ('n.', 'ns.', 'h@')`, /contact "h@"/],
    [`insert into zones (name, primary_ns, contact) values ('n.', 'ns.', 'a@b@c')`, /contact "a@b@c"/],
    [
      `insert into records (id, zone_id, name, type, content) select -5, id, name, 'A', '192.0.2.1' from zones`,
      /positive/,
    ],
    [`update zones set refresh = 0`, /refresh/],
    [`insert into zones (name, primary_ns, contact) values ('a..b', 'ns.', 'h@x.')`, /zone "a..b"/],
    [`insert into zones (name, primary_ns, contact) values ('.', 'ns.', 'h@x.')`, /zone "."/],
    [`insert into zones (name, primary_ns, contact) values ('EXAMPLE.com', 'ns.', 'h@x.')`, /duplicate key/],
    [`insert into tsig_keys (name, secret) values ('k', 'not base64!')`, /not base64/],
    [`insert into tsig_keys (name, secret, algorithm) values ('k', 'aGVsbG8=', 'rot13')`, /algorithm/],
    [`insert into secondaries (name, addresses) values ('s', '{}')`, /needs an address/],
    [`insert into secondaries (name, addresses) values ('s', '{localhost}')`, /address "localhost"/],
    [`insert into secondaries (name, addresses) values ('s', '{127.0.0.1:99999}')`, /address/],
    [
      `insert into secondaries (name, addresses, keys) values ('s', '{127.0.0.1}', '{nokey}')`,
      /no key named/,
    ],
    [`truncate records`, /truncate of records is refused/],
    ['delete from transfer_records', /service alone/],
    ['update zone_changes set added_count = 0', /service alone/],
    ['delete from alias_targets', /service alone/],
    ['delete from notifications', /service alone/],
    ['truncate transfer_records', /service alone/],
  ])('%s', async (statement, message) => {
    await expect(store.operator.query(statement)).rejects.toThrow(message);
  });
  test('a secret never stands in the error', async () => {
    await expect(
      store.operator.query(`insert into tsig_keys (name, secret) values ('k', 'c2VjcmV0!')`),
    ).rejects.not.toThrow(/c2VjcmV0/);
  });
  test.each([
    '192.0.2.1',
    '192.0.2.1:5301',
    '192.0.2.1@5301',
    '2001:db8::1',
    '[2001:db8::1]:5301',
    '2001:db8::1@5301',
  ])('an address %s', async (address) => {
    await store.operator.query('insert into secondaries (name, addresses) values ($1, $2)', [
      `s${Math.random()}`,
      [address],
    ]);
  });
  test('a key in use stays', async () => {
    await store.operator.query(`insert into tsig_keys (name, secret) values ('Used.', 'aGVsbG8=')`);
    await store.operator.query(
      `insert into secondaries (name, addresses, keys) values ('user', '{192.0.2.1}', '{used}')`,
    );
    await expect(store.operator.query(`delete from tsig_keys where name = 'used'`)).rejects.toThrow(
      /secondary user still uses it/,
    );
  });
  test('a role that is granted only the written tables can use them', async () => {
    const role = `platform_${Math.random().toString(36).slice(2)}`;
    const client = await store.operator.connect();
    await client.query(`create role ${role}`);
    await client.query(
      `grant select, insert, update, delete on zones, records, secondaries, tsig_keys to ${role}`,
    );
    await client.query(`set role ${role}`);
    await client.query(
      `insert into zones (name, primary_ns, contact) values ('granted.test', 'ns1.granted.test', 'h@granted.test')`,
    );
    await client.query(
      `insert into records (zone_id, name, type, content) select id, name, 'NS', 'ns1.granted.test' from zones where name = 'granted.test.'`,
    );
    await client.query(`update records set ttl = 60 where name = 'granted.test.'`);
    await client.query(`update zones set refresh = 77 where name = 'granted.test.'`);
    await client.query(`insert into tsig_keys (name, secret) values ('granted', 'aGVsbG8=')`);
    await client.query(
      `insert into secondaries (name, addresses, keys) values ('granted', '{192.0.2.7}', '{granted}')`,
    );
    await client.query(`delete from secondaries where name = 'granted'`);
    await client.query(`delete from zones where name = 'granted.test.'`);
    await client.query('reset role');
    await client.query(`drop owned by ${role}`);
    await client.query(`drop role ${role}`);
    client.release();
  });
});
