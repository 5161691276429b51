import { execFileSync, spawnSync } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { publishAll } from '../support/store.ts';
import { type TestCli, testCli } from './support.ts';

let cli: TestCli;
beforeAll(async () => {
  cli = await testCli();
});
afterAll(() => cli.close());
beforeEach(async () => {
  await cli.store.operator.query('delete from zones');
  await cli.store.pool.query('delete from zone_tombstones');
});

const add = (name: string) => [
  'zone',
  'add',
  name,
  '--primary',
  'ns1.Example.net',
  '--contact',
  'host.master@example.com',
];

describe('zone add, set, show, list, delete', () => {
  test('add writes the columns of the SOA and the NS record of the primary', async () => {
    const zone = await cli.json(...add('Example.COM'), '--refresh', '111', '--serial-policy', 'date');
    expect(zone).toMatchObject({
      name: 'example.com.',
      primaryNs: 'ns1.Example.net.',
      contact: 'host\\.master.example.com.',
      refresh: 111,
      retry: 600,
      serialPolicy: 'date',
      serial: null,
    });
    const { rows } = await cli.store.operator.query('select name, type, content from records');
    expect(rows).toEqual([{ name: 'example.com.', type: 'NS', content: 'ns1.Example.net.' }]);
  });

  test('names are taken in any case, with or without the final dot, and printed lower case with it', async () => {
    await cli.ok(...add('example.com.'));
    expect(await cli.json('zone', 'show', 'EXAMPLE.com')).toMatchObject({ name: 'example.com.' });
    expect(await cli.ok('zone', 'list')).toMatch(/^example\.com\. /m);
  });

  test('set changes what is given and leaves the rest; "default" gives the policy back', async () => {
    await cli.ok(...add('a.test'), '--serial-policy', 'unixtime');
    const zone = await cli.json(
      ...['zone', 'set', 'a.test', '--refresh', '60', '--soa-ttl', '5', '--serial-policy', 'default'],
    );
    expect(zone).toMatchObject({ refresh: 60, soaTtl: 5, serialPolicy: null, retry: 600, expire: 1209600 });
    const [published] = await publishAll(cli.store);
    expect(published).toMatchObject({ name: 'a.test.', serial: 1 });
    await cli.ok('zone', 'set', 'a.test', '--serial', '77');
    expect(await cli.json('zone', 'show', 'a.test')).toMatchObject({ serial: 1, nextSerial: 77 });
    await publishAll(cli.store);
    expect(await cli.json('zone', 'show', 'a.test')).toMatchObject({ serial: 77, nextSerial: null });
    expect(await cli.fails(1, 'zone', 'set', 'a.test', '--serial', '76')).toMatch(/76 is not newer than 77/);
  });

  test('what is there already and what is not there end with 1', async () => {
    await cli.ok(...add('a.test'));
    expect(await cli.fails(1, ...add('A.test'))).toBe('error: zone a.test. is there already');
    for (const command of [['show'], ['delete'], ['export'], ['set', '--refresh', '9']]) {
      const [name = '', ...options] = command;
      expect(await cli.fails(1, 'zone', name, 'b.test', ...options)).toMatch(/^error: no zone b\.test\.:/);
    }
  });

  test('delete takes the records along', async () => {
    await cli.ok(...add('a.test'));
    await publishAll(cli.store);
    expect(await cli.json('zone', 'delete', 'a.test')).toEqual({ deleted: 'a.test.', serial: 1 });
    expect(await cli.json('zone', 'list')).toEqual([]);
    const { rows } = await cli.store.operator.query('select from records');
    expect(rows).toHaveLength(0);
  });
});

describe('zone export', () => {
  test('without a published version it says why', async () => {
    await cli.ok(...add('a.test'));
    expect(await cli.fails(1, 'zone', 'export', 'a.test')).toMatch(/no published version/);
  });

  test('is what named-checkzone takes, SOA first and ALIAS replaced', async () => {
    await cli.ok(...add('a.test'));
    await cli.ok('record', 'add', 'a.test', 'www', 'ALIAS', 'cdn.example.net');
    await cli.ok('record', 'add', 'a.test', 'text', 'TXT', '"a;b" "c\\"d"');
    await publishAll(cli.store);
    const text = await cli.ok('zone', 'export', 'a.test');
    expect(text.split('\n')[0]).toBe(
      'a.test. 3600 IN SOA ns1.Example.net. host\\.master.example.com. 1 3600 600 1209600 300',
    );
    expect(text).not.toContain('ALIAS');
    if (spawnSync('named-checkzone', ['-v']).status === 0) {
      const file = await cli.file('checked.zone', text);
      expect(execFileSync('named-checkzone', ['a.test', file]).toString()).toMatch(/OK/);
    }
    const document = await cli.json<{ records: object[] }>('zone', 'export', 'a.test');
    expect(document).toMatchObject({ zone: 'a.test.', serial: 1 });
    expect(document.records).toHaveLength(text.trim().split('\n').length);
  });

  test('--source keeps ALIAS and leaves out what is disabled', async () => {
    await cli.ok(...add('a.test'));
    await cli.ok('record', 'add', 'a.test', '@', 'ALIAS', 'CDN.example.net', '--ttl', '60');
    await cli.ok('record', 'add', 'a.test', 'old', 'A', '192.0.2.1');
    await cli.ok('record', 'set', 'a.test', 'old', 'A', '--disable');
    const text = await cli.ok('zone', 'export', 'a.test', '--source');
    expect(text).toContain('a.test. 60 IN ALIAS CDN.example.net.\n');
    expect(text).not.toContain('old');
  });

  test('a reader that has enough is no error', async () => {
    await cli.ok(...add('a.test'));
    await publishAll(cli.store);
    const rows = Array.from({ length: 20_000 }, (_, index) => `h${index}.a.test.`);
    await cli.store.operator.query(
      `insert into records (zone_id, name, type, content) select id, h, 'A', '192.0.2.1' from zones, unnest($1::text[]) as h`,
      [rows],
    );
    const { status } = spawnSync(
      'sh',
      [
        '-c',
        `DATABASE_URL=${cli.store.url} '${process.execPath}' bin/zoneferry.js zone export a.test --source | head -1 > /dev/null; exit 0`,
      ],
      { timeout: 20_000 },
    );
    expect(status).toBe(0);
    expect((await cli.ok('record', 'list', 'a.test')).trim().split('\n').length).toBeGreaterThan(20_000);
    expect(await cli.json<object[]>('record', 'list', 'a.test')).toHaveLength(20_001);
  });
});
