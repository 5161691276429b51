import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseZoneFile } from '../../src/dns/zonefile/index.ts';
import { lookAt, publishAll } from '../support/store.ts';
import { type TestCli, testCli } from './support.ts';

const EVERY_TYPE = fileURLToPath(new URL('../fixtures/all-types.zone', import.meta.url));

let cli: TestCli;
beforeAll(async () => {
  cli = await testCli();
});
afterAll(() => cli.close());
beforeEach(async () => {
  await cli.store.operator.query('delete from zones');
  await cli.store.pool.query('delete from zone_tombstones');
});

const SOA = (serial: number) =>
  `@ 3600 SOA ns1.example.net. h ${serial} 3600 600 86400 60\n@ 300 NS ns1.example.net.\n`;
const importing = async (text: string, ...options: string[]) => {
  const file = await cli.file('zone.db', `$ORIGIN a.test.\n$TTL 300\n${text}`);
  const { status, stdout, stderr } = await cli.run('zone', 'import', file, '--json', ...options);
  return { status, stderr, ...(status === 0 ? JSON.parse(stdout) : {}) };
};
const serial = async () => {
  const { rows } = await cli.store.operator.query('select serial, published_serial from zones');
  return { next: Number(rows[0].serial), published: Number(rows[0].published_serial) };
};
const idOf = async (type: string) =>
  (await cli.store.operator.query('select id from records where type = $1', [type])).rows[0]?.id;

describe('a zone of every type', () => {
  test('comes back from export --source as the same set, and imports without a change', async () => {
    await cli.ok('zone', 'import', EVERY_TYPE);
    const exported = await cli.ok('zone', 'export', 'all-types.test', '--source');
    expect(setOf(exported)).toEqual(setOf(await readFile(EVERY_TYPE, 'utf8')));
    await publishAll(cli.store);
    const again = await cli.json('zone', 'import', await cli.file('again.zone', exported));
    expect(again).toMatchObject({ created: false, changed: false, added: 0, deleted: 0, warnings: [] });
    expect(await publishAll(cli.store)).toEqual([]);
  });

  test('none of it is set aside', async () => {
    await cli.ok('zone', 'import', EVERY_TYPE);
    await publishAll(cli.store);
    const { rows } = await cli.store.operator.query(
      'select name, type, problem from records where problem is not null',
    );
    expect(rows).toEqual([]);
    expect((await cli.json<{ zones: object[] }>('status')).zones).toMatchObject([
      { serial: 2026010101, problem: null },
    ]);
  });

  function setOf(text: string): string[] {
    const { records } = parseZoneFile(text);
    return [
      ...new Set(
        records.map(
          ({ name, type, ttl, rdata }) => `${name.toString('hex')} ${type} ${ttl} ${rdata.toString('hex')}`,
        ),
      ),
    ].sort();
  }
});

describe('serials', () => {
  test('a new zone keeps that of the file, 4294967295 too', async () => {
    expect(await importing(SOA(4_294_967_295))).toMatchObject({
      status: 0,
      zone: 'a.test.',
      created: true,
      records: 1,
    });
    await publishAll(cli.store);
    expect(await serial()).toMatchObject({ published: 4_294_967_295 });
    // and goes on around the ring, past 0
    expect(await importing(`${SOA(4_294_967_295)}www A 192.0.2.1\n`)).toMatchObject({
      changed: true,
      added: 1,
      deleted: 0,
    });
    await publishAll(cli.store);
    expect(await serial()).toMatchObject({ published: 1 });
  });

  test('a later import that changes something publishes past ours, and past the newer one of the file', async () => {
    await importing(SOA(10));
    await publishAll(cli.store);
    await importing(`${SOA(10)}www A 192.0.2.1\n`);
    await publishAll(cli.store);
    expect(await serial()).toMatchObject({ published: 11 });
    expect(await importing(`${SOA(100)}www A 192.0.2.2\n`)).toMatchObject({
      warnings: [],
      added: 1,
      deleted: 1,
    });
    await publishAll(cli.store);
    expect(await serial()).toMatchObject({ published: 101 });
  });

  test.each([
    [5, /serial 5 of the file is older than ours, 10/],
    [10 + 2 ** 31, /serial 2147483658 of the file is neither older nor newer/],
  ])('%i after 10 is ignored with a warning', async (older, warning) => {
    await importing(SOA(10));
    await publishAll(cli.store);
    const { stderr, warnings } = await importing(`${SOA(older)}www A 192.0.2.1\n`);
    expect(stderr).toMatch(warning);
    expect(warnings).toEqual([expect.stringMatching(warning)]);
    await publishAll(cli.store);
    expect(await serial()).toMatchObject({ published: 11 });
  });

  test('an import without a change spends none and writes nothing, whatever its serial and spelling', async () => {
    await importing(`${SOA(10)}www A 192.0.2.1\ntext TXT one\n@ ALIAS cdn.example.net.\n`);
    await publishAll(cli.store);
    // another client's spelling of the same data
    await cli.store.operator.query(`update records set content = 'one' where type = 'TXT'`);
    await publishAll(cli.store);
    const before = await cli.store.operator.query('select xmin, * from records order by id');
    const result = await importing(
      `${SOA(500)}WWW A 192.0.2.1\nwww A 192.0.2.1\n@ ALIAS CDN.Example.net.\ntext TXT "one"\n`,
    );
    expect(result).toMatchObject({ changed: false, added: 0, deleted: 0, records: 4 });
    const after = await cli.store.operator.query('select xmin, * from records order by id');
    expect(after.rows).toEqual(before.rows);
    expect((await cli.store.operator.query('select from zone_marks')).rows).toEqual([]);
    expect(await serial()).toEqual({ next: 10, published: 10 });
  });

  test('a zone made again starts past the deleted one, and says so', async () => {
    await importing(SOA(10));
    await publishAll(cli.store);
    await cli.ok('zone', 'delete', 'a.test');
    expect((await importing(SOA(9))).stderr).toMatch(/not past that of the deleted zone a\.test\.: 11/);
  });

  test('the SOA of the file goes to the columns; a change of it alone is a change', async () => {
    await importing(SOA(10));
    await publishAll(cli.store);
    const changed = SOA(10).replace('3600 600 86400', '7200 600 86400');
    expect(await importing(changed)).toMatchObject({ changed: true, soaChanged: true, added: 0 });
    await publishAll(cli.store);
    expect(await cli.json('zone', 'show', 'a.test')).toMatchObject({ refresh: 7200, serial: 11 });
  });
});

describe('replacing the zone', () => {
  test('what the file lacks goes, what it has stays; an ALIAS left as it was keeps row and addresses', async () => {
    await importing(`${SOA(1)}@ ALIAS cdn.example.net.\nold A 192.0.2.1\nkept A 192.0.2.2\n`);
    await publishAll(cli.store);
    await lookAt(cli.store, {
      'cdn.example.net.': {
        a: { kind: 'found', addresses: ['198.51.100.1'], ttl: 60 },
        aaaa: { kind: 'nodata' },
      },
    });
    await publishAll(cli.store);
    const [alias, kept] = [await idOf('ALIAS'), await idOf('A')];
    await cli.store.operator.query(
      `insert into records (zone_id, name, type, content, disabled) select id, 'off.a.test.', 'A', '192.0.2.9', true from zones`,
    );
    expect(
      await importing(`${SOA(1)}@ ALIAS cdn.example.net.\nkept A 192.0.2.2\nnew A 192.0.2.3\n`),
    ).toMatchObject({
      added: 1,
      deleted: 2,
      records: 4,
    });
    await publishAll(cli.store);
    expect(await idOf('ALIAS')).toBe(alias);
    expect(kept).toBeDefined();
    const text = await cli.ok('zone', 'export', 'a.test');
    expect(text).toContain('a.test. 60 IN A 198.51.100.1\n');
    expect(text).toContain('new.a.test.');
    expect(text).not.toMatch(/old|off/);
  });

  test('A in place of an ALIAS, and the other way round, in one import', async () => {
    await importing(`${SOA(1)}@ ALIAS cdn.example.net.\nwww A 192.0.2.1\n`);
    await publishAll(cli.store);
    await importing(`${SOA(1)}@ A 192.0.2.1\nwww CNAME x.test.\n`);
    await publishAll(cli.store);
    const text = await cli.ok('zone', 'export', 'a.test', '--source');
    expect(text).toContain('a.test. 300 IN A 192.0.2.1\n');
    expect(text).toContain('www.a.test. 300 IN CNAME x.test.\n');
    expect(text).not.toContain('ALIAS');
  });

  test('DNSSEC types and the apex DNSKEY are left out, with one warning with counts', async () => {
    const signed = `@ NSEC3PARAM 1 0 0 -\n@ DNSKEY 256 3 13 AAAA\n@ CDS 0 0 0 00\n@ CDS 1 13 4 ${'00'.repeat(48)}\nkeys DNSKEY 256 3 13 AAAA\n`;
    const { stderr, records } = await importing(`${SOA(1)}${signed}`);
    expect(stderr).toBe(
      'warning: left out, as replacing ALIAS would break them: 1 NSEC3PARAM, 1 DNSKEY, 2 CDS\n',
    );
    expect(records).toBe(2);
  });
});

describe('refused, and nothing changes', () => {
  beforeEach(async () => {
    await importing(`${SOA(1)}www A 192.0.2.1\n`);
  });

  test.each([
    ['www A 192.0.2.300', /zone\.db:5: /],
    [
      'www A 192.0.2.1\nwww CNAME x.test.',
      /zone\.db:6: www\.a\.test\. CNAME: a CNAME stands alone at its name, on line 5 stands an A/,
    ],
    ['www CNAME x.test.\n\nwww TXT x', /zone\.db:7: www\.a\.test\. TXT: a CNAME stands alone/],
    ['@ ALIAS x.test.\n@ ALIAS y.test.', /zone\.db:6: a\.test\. ALIAS: one ALIAS at a name/],
    ['@ ALIAS x.test.\n@ AAAA 2001:db8::1', /zone\.db:6: a\.test\. AAAA: an ALIAS makes the A and AAAA/],
    ['@ DNAME x.test.\n@ DNAME y.test.', /zone\.db:6: .*DNAME/],
    ['@ ALIAS .', /zone\.db:5: a\.test\. ALIAS: the root/],
    ['www.b.test. A 192.0.2.1', /zone\.db:5: www\.b\.test\. lies outside the zone/],
    ['$INCLUDE other.zone', /zone\.db:5: \$INCLUDE/],
  ])('%j', async (text, message) => {
    const file = await cli.file('zone.db', `$ORIGIN a.test.\n$TTL 300\n${SOA(9)}${text}\n`);
    expect(await cli.fails(1, 'zone', 'import', file)).toMatch(message);
    expect(await cli.ok('zone', 'export', 'a.test', '--source')).toContain(
      'www.a.test. 300 IN A 192.0.2.1\n',
    );
  });

  test('a SOA that does not fit', async () => {
    expect((await importing('@ SOA ns h 1 0 1 1 1\n@ NS ns')).stderr).toMatch(
      /zone\.db:3: SOA: refresh of 0/,
    );
    expect((await importing('sub SOA ns h 1 1 1 1 1', '--origin', 'a.test')).stderr).toMatch(
      /zone\.db:3: the SOA is of sub\.a\.test\.: one of a\.test\. is expected/,
    );
  });

  test('a file without SOA: an error for a new zone, the columns stay for a known one', async () => {
    expect(await importing('@ NS ns1.example.net.\nwww A 192.0.2.7\n')).toMatchObject({
      status: 0,
      added: 1,
      soaChanged: false,
    });
    const file = await cli.file('b.db', '$TTL 60\n@ NS ns1.example.net.\n');
    expect(await cli.fails(1, 'zone', 'import', file, '--origin', 'B.test')).toMatch(
      /no SOA record.*b\.test\./,
    );
    expect(await cli.fails(1, 'zone', 'import', file)).toMatch(/b\.db:2: .*origin/);
  });

  test('a file that is not there', async () => {
    expect(await cli.fails(1, 'zone', 'import', '/no/such/file')).toBe('error: /no/such/file: no such file');
  });
});

test('a zone without an apex NS is taken with a warning', async () => {
  const { status, stderr } = await importing('@ SOA ns1.example.net. h 1 1 1 1 1\n');
  expect(status).toBe(0);
  expect(stderr).toMatch(/no NS record at a\.test\./);
});

test('two imports of one zone at once both come through, one after the other', async () => {
  const files = await Promise.all(
    [1, 2].map((n) => cli.file(`${n}.db`, `$ORIGIN a.test.\n$TTL 300\n${SOA(n)}www A 192.0.2.${n}\n`)),
  );
  const results = await Promise.all(files.map((file) => cli.run('zone', 'import', file, '--json')));
  expect(results.map(({ status }) => status)).toEqual([0, 0]);
  expect(results.map(({ stdout }) => JSON.parse(stdout).created).sort()).toEqual([false, true]);
  const { rows } = await cli.store.operator.query(`select content from records where type = 'A'`);
  expect(rows).toHaveLength(1);
});
