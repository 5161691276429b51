import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestCli, testCli } from './support.ts';

let cli: TestCli;
beforeAll(async () => {
  cli = await testCli();
});
afterAll(() => cli.close());
beforeEach(async () => {
  await cli.store.operator.query('delete from zones');
  await cli.ok('zone', 'add', 'a.test', '--primary', 'ns1.example.net', '--contact', 'h@a.test');
});

const contents = async () => {
  const { rows } = await cli.store.operator.query(
    `select name || ' ' || ttl || ' ' || type || ' ' || content || case when disabled then ' off' else '' end as line
     from records where type <> 'NS' order by id`,
  );
  return rows.map((row) => row.line);
};

describe('record add', () => {
  test('NAME is relative, absolute with the final dot, or @', async () => {
    await cli.ok('record', 'add', 'A.TEST', 'www', 'a', '192.0.2.1');
    await cli.ok('record', 'add', 'a.test', 'Mail.a.test.', 'A', '192.0.2.2', '--ttl', '60');
    await cli.ok('record', 'add', 'a.test.', '@', 'mx', '010 mail.a.test');
    expect(await contents()).toEqual([
      'www.a.test. 3600 A 192.0.2.1',
      'Mail.a.test. 60 A 192.0.2.2',
      'a.test. 3600 MX 10 mail.a.test.',
    ]);
  });

  test('--json is the record', async () => {
    const record = await cli.json('record', 'add', 'a.test', '@', 'aname', 'cdn.example.net');
    expect(record).toEqual({
      id: expect.any(String),
      zone: 'a.test.',
      name: 'a.test.',
      type: 'ALIAS',
      content: 'cdn.example.net.',
      ttl: 3600,
      disabled: false,
      problem: null,
    });
  });

  test.each([
    [['www', 'A', '192.0.2.300'], /record www\.a\.test\. A "192\.0\.2\.300"/],
    [['www', 'NOSUCH', 'x'], /record www\.a\.test\. "NOSUCH": an unknown type/],
    [['www', 'A', '192.0.2.1', '--ttl', '-1'], /record www\.a\.test\. A: the TTL -1 is out of range/],
    [['www', 'A', '192.0.2.1', '--ttl', '2147483648'], /out of range/],
    [['www.b.test.', 'A', '192.0.2.1'], /record "www\.b\.test\." A: the name is outside its zone a\.test\./],
    [['w..w', 'A', '192.0.2.1'], /record "w\.\.w": .*empty label/],
    [['@', 'SOA', 'ns1. h. 1 1 1 1 1'], /record a\.test\. SOA: the SOA is made of the columns/],
    [['@', 'ANY', '\\# 0'], /record a\.test\. ANY: a meta type/],
    [['@', 'RRSIG', '\\# 0'], /RRSIG/],
    [['@', 'DNSKEY', '256 3 13 AAAA'], /sign behind the transfer/],
    [['@', 'ALIAS', '.'], /ALIAS.*root/],
    [['@', 'TXT', `"${'x'.repeat(256)}"`], /record a\.test\. TXT.*255/],
    // what only the full encoder can refuse
    [['here', 'LOC', '91 0 0 N 4 0 0 E 0m'], /record here\.a\.test\. LOC/],
  ] as [string[], RegExp][])('refuses %j', async (args, message) => {
    expect(await cli.fails(1, 'record', 'add', 'a.test', ...args)).toMatch(message);
    expect(await contents()).toEqual([]);
  });

  test('conflicts at one name are said in words', async () => {
    await cli.ok('record', 'add', 'a.test', 'www', 'A', '192.0.2.1');
    expect(await cli.fails(1, 'record', 'add', 'a.test', 'www', 'CNAME', 'x.test')).toMatch(
      /record www\.a\.test\. CNAME: a CNAME stands alone at its name, here stands also A/,
    );
    expect(await cli.fails(1, 'record', 'add', 'a.test', 'WWW', 'ALIAS', 'x.test')).toMatch(
      /ALIAS makes the A and AAAA/,
    );
    await cli.ok('record', 'add', 'a.test', '@', 'ALIAS', 'x.test');
    expect(await cli.fails(1, 'record', 'add', 'a.test', '@', 'ALIAS', 'y.test')).toMatch(/second ALIAS/);
    expect(await cli.fails(1, 'record', 'add', 'b.test', '@', 'A', '192.0.2.1')).toMatch(/no zone b\.test\./);
  });
});

describe('record set', () => {
  test('changes content, TTL and state, and keeps the row', async () => {
    const { id } = await cli.json('record', 'add', 'a.test', 'www', 'A', '192.0.2.1');
    const changed = await cli.json(
      ...['record', 'set', 'a.test', 'www', 'A', '--content', '192.0.2.2', '--ttl', '5', '--disable'],
    );
    expect(changed).toMatchObject({ id, content: '192.0.2.2', ttl: 5, disabled: true });
    await cli.ok('record', 'set', 'a.test', 'WWW', 'A', '--enable');
    expect(await contents()).toEqual(['www.a.test. 5 A 192.0.2.2']);
  });

  test('several that match are refused with the list; CONTENT picks one in any spelling', async () => {
    await cli.ok('record', 'add', 'a.test', '@', 'MX', '10 one.test');
    await cli.ok('record', 'add', 'a.test', '@', 'MX', '20 two.test');
    expect(await cli.fails(1, 'record', 'set', 'a.test', '@', 'MX', '--ttl', '9')).toMatch(
      /2 records match a\.test\. MX.*10 one\.test\. \| 20 two\.test\./,
    );
    await cli.ok('record', 'set', 'a.test', '@', 'MX', '20 TWO.test.', '--ttl', '9');
    expect(await contents()).toEqual(['a.test. 3600 MX 10 one.test.', 'a.test. 9 MX 20 two.test.']);
    expect(await cli.fails(1, 'record', 'set', 'a.test', '@', 'MX', '30 x.test', '--ttl', '9')).toMatch(
      /no record/,
    );
    expect(await cli.fails(1, 'record', 'set', 'a.test', '@', 'MX', '10 one.test', '--content', 'x')).toMatch(
      /MX "x"/,
    );
  });
});

describe('record delete and list', () => {
  test('delete takes one by content, or all of a name and type', async () => {
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3'])
      await cli.ok('record', 'add', 'a.test', 'www', 'A', address);
    const { deleted } = await cli.json<{ deleted: object[] }>(
      'record',
      'delete',
      'a.test',
      'www',
      'A',
      '192.0.2.2',
    );
    expect(deleted).toMatchObject([{ content: '192.0.2.2' }]);
    expect(await contents()).toHaveLength(2);
    expect(await cli.ok('record', 'delete', 'a.test', 'www', 'A')).toBe(
      'deleted www.a.test. 3600 A 192.0.2.1\ndeleted www.a.test. 3600 A 192.0.2.3\n',
    );
    expect(await cli.fails(1, 'record', 'delete', 'a.test', 'www', 'A')).toMatch(
      /no record www\.a\.test\. A/,
    );
  });

  test('list shows the state of each row', async () => {
    await cli.ok('record', 'add', 'a.test', 'www', 'A', '192.0.2.1');
    await cli.ok('record', 'set', 'a.test', 'www', 'A', '--disable');
    expect(await cli.ok('record', 'list', 'a.test')).toMatch(
      /^www\.a\.test\. +3600 +A +192\.0\.2\.1 +disabled$/m,
    );
    const rows = await cli.json<object[]>('record', 'list', 'a.test');
    expect(rows).toMatchObject([{ type: 'NS' }, { name: 'www.a.test.', disabled: true }]);
    expect(await cli.fails(1, 'record', 'list', 'b.test')).toMatch(/no zone/);
  });
});

describe('an ALIAS', () => {
  const alias = ['a.test', '@', 'ALIAS'] as const;

  test('takes how it is answered, what stands in, and a TXT, when it is added and later', async () => {
    expect(
      await cli.json(
        'record',
        'add',
        ...alias,
        'cdn.example.net',
        '--answers',
        'exact',
        '--fallback',
        '192.0.2.9, 2001:DB8::9',
      ),
    ).toMatchObject({ answers: 'exact', fallback: ['192.0.2.9', '2001:db8::9'] });
    expect(await cli.ok('record', 'list', 'a.test')).toContain(
      'answers=exact fallback=192.0.2.9,2001:db8::9',
    );
    expect(await cli.ok('record', 'set', ...alias, '--debug-txt', 'on', '--answers', 'stable')).toContain(
      'fallback=192.0.2.9,2001:db8::9 debug-txt=on',
    );
    const { fallback, debugTxt } = await cli.json(
      'record',
      'set',
      ...alias,
      '--fallback',
      'none',
      '--debug-txt',
      'off',
    );
    expect([fallback, debugTxt]).toEqual([undefined, undefined]);
  });

  test('says where fallback addresses would never stand in', async () => {
    const { stderr } = await cli.run('record', 'add', ...alias, 'cdn.example.net', '--fallback', '192.0.2.9');
    expect(stderr).toContain('MAX_STALE is 0');
  });

  test('alone has those, and they take what they take', async () => {
    await cli.ok('record', 'add', 'a.test', 'www', 'A', '192.0.2.1');
    expect(await cli.fails(1, 'record', 'set', 'a.test', 'www', 'A', '--answers', 'exact')).toContain(
      'www.a.test. A: --answers, --fallback and --debug-txt are for ALIAS alone',
    );
    for (const [flag, value] of [
      ['--answers', 'often'],
      ['--fallback', 'cdn.example.net'],
      ['--debug-txt', 'yes'],
    ] as const)
      expect(await cli.fails(2, 'record', 'set', ...alias, flag, value)).toContain(flag);
  });

  test('keeps all that through zone export --source and zone import', async () => {
    await cli.ok(
      'record',
      'add',
      ...alias,
      'cdn.example.net',
      '--answers',
      'exact',
      '--fallback',
      '192.0.2.9',
      '--debug-txt',
      'on',
    );
    await cli.ok('record', 'add', 'a.test', 'plain', 'ALIAS', 'cdn.example.net');
    const text = await cli.ok('zone', 'export', 'a.test', '--source');
    expect(text).toContain('; zoneferry: answers=exact fallback=192.0.2.9 debug-txt=on');
    const path = await cli.file('a.zone', text);
    expect(await cli.json('zone', 'import', path)).toMatchObject({ changed: false });
    await cli.ok(
      'record',
      'set',
      ...alias,
      '--answers',
      'stable',
      '--fallback',
      'none',
      '--debug-txt',
      'off',
    );
    expect(await cli.ok('zone', 'import', path)).toContain('options of 1 ALIAS');
    await cli.ok('zone', 'delete', 'a.test');
    await cli.ok('zone', 'import', path);
    expect(await cli.ok('record', 'list', 'a.test')).toContain(
      'answers=exact fallback=192.0.2.9 debug-txt=on',
    );
  });
});

test('zone set --alias-floor', async () => {
  await cli.ok('zone', 'set', 'a.test', '--alias-floor', '60');
  expect(await cli.json('zone', 'show', 'a.test')).toMatchObject({ aliasFloor: 60 });
  expect(await cli.fails(2, 'zone', 'set', 'a.test', '--alias-floor', '-1')).toContain('--alias-floor');
});
