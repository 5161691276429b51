import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestCli, testCli } from './support.ts';

let cli: TestCli;
beforeAll(async () => {
  cli = await testCli({ DNS_LISTEN: '192.0.2.7:5300,[2001:db8::7]:5300', NOTIFY_FROM: '192.0.2.8' });
});
afterAll(() => cli.close());
beforeEach(async () => {
  await cli.store.operator.query('delete from secondaries');
  await cli.store.operator.query('delete from tsig_keys');
  await cli.store.operator.query('delete from zones');
});

const SECRET = Buffer.from('a secret of thirty-two octets ..').toString('base64');

describe('key', () => {
  test('add makes a secret of 32 octets, and prints it this once; list never does', async () => {
    const added = await cli.json<{ secret: string }>('key', 'add', 'Transfer.Key.');
    expect(added).toEqual({
      name: 'transfer.key',
      algorithm: 'hmac-sha256',
      minMacBits: null,
      secret: expect.any(String),
    });
    expect(Buffer.from(added.secret, 'base64')).toHaveLength(32);
    expect(await cli.ok('key', 'list')).not.toContain(added.secret);
    expect(await cli.json('key', 'list')).toEqual([
      { name: 'transfer.key', algorithm: 'hmac-sha256', minMacBits: null, usedBy: [] },
    ]);
  });

  test("show prints BIND's syntax, as tsig-keygen does", async () => {
    const text = await cli.ok('key', 'add', 'k1', '--algorithm', 'HMAC-SHA512', '--secret', SECRET);
    expect(text).not.toContain(SECRET);
    expect(await cli.ok('key', 'show', 'K1.')).toBe(
      `key "k1" {\n\talgorithm hmac-sha512;\n\tsecret "${SECRET}";\n};\n`,
    );
    expect(await cli.json('key', 'show', 'k1')).toEqual({
      name: 'k1',
      algorithm: 'hmac-sha512',
      minMacBits: null,
      secret: SECRET,
    });
  });

  test('--min-mac takes truncated MACs, within what the algorithm allows', async () => {
    await cli.ok('key', 'add', 'k1', '--min-mac', '128');
    expect(await cli.json('key', 'show', 'k1')).toMatchObject({ minMacBits: 128 });
    expect(await cli.ok('key', 'list')).toMatch(/k1 +hmac-sha256 +128 bits/);
    expect(await cli.fails(1, 'key', 'add', 'k2', '--min-mac', '120')).toBe(
      'error: key k2: a shortest MAC of 120 bits, expected a multiple of 8 from 128 to 256 with hmac-sha256',
    );
    await cli.fails(2, 'key', 'add', 'k2', '--min-mac', '79');
  });

  test('an old algorithm takes the setting that asks for it', async () => {
    expect(await cli.fails(1, 'key', 'add', 'k1', '--algorithm', 'hmac-md5')).toBe(
      'error: hmac-md5 is off, as it is old: take hmac-sha256, or set TSIG_LEGACY=hmac-md5 for a peer that knows no other',
    );
    const file = await cli.file('.env', 'TSIG_LEGACY=hmac-md5\n');
    await cli.ok('key', 'add', 'k1', '--algorithm', 'hmac-md5');
    expect(await cli.fails(1, 'key', 'add', 'k2', '--algorithm', 'hmac-sha1')).toMatch(
      /^error: hmac-sha1 is off/,
    );
    await rm(file);
  });

  test('seal takes SECRET_KEY', async () => {
    expect(await cli.fails(1, 'key', 'seal')).toContain('SECRET_KEY is unset: set it to 32 octets in base64');
  });

  test('failures', async () => {
    await cli.ok('key', 'add', 'k1');
    expect(await cli.fails(1, 'key', 'add', 'K1')).toBe('error: key k1 is there already');
    expect(await cli.fails(1, 'key', 'show', 'k2')).toMatch(/no key k2/);
    expect(await cli.fails(1, 'key', 'delete', 'k2')).toMatch(/no key k2/);
    await cli.ok('secondary', 'add', 's1', '--address', '192.0.2.53', '--key', 'k1');
    expect(await cli.fails(1, 'key', 'delete', 'k1')).toMatch(/the secondary s1 still uses it/);
    await cli.ok('secondary', 'set', 's1', '--key', '');
    expect(await cli.json('key', 'delete', 'k1')).toEqual({ deleted: 'k1' });
  });
});

describe('secondary', () => {
  test('add takes every form of an address, and every option', async () => {
    await cli.ok('key', 'add', 'k1');
    await cli.ok('key', 'add', 'k2');
    const { status, stderr, stdout } = await cli.run(
      ...[
        'secondary',
        'add',
        'ns1',
        '--address',
        '192.0.2.53,[2001:db8::53]:5353,192.0.2.54@54',
        '--key',
        'K2,k1',
      ],
      ...['--transfer-from', '198.51.100.0/24,2001:db8:1::/48', '--zones', 'B.test,a.test', '--no-notify'],
      ...['--catalog', 'cat.test', '--check', '192.0.2.99,[2001:db8::99]:53', '--optional'],
      ...['--notify-rate', '20', '--max-transfers', '5', '--json'],
    );
    expect(status).toBe(0);
    expect(stderr).toMatch(/warning: there is no zone b\.test\. yet/);
    expect(JSON.parse(stdout)).toEqual({
      id: expect.any(String),
      name: 'ns1',
      addresses: ['192.0.2.53', '[2001:db8::53]:5353', '192.0.2.54@54'],
      transferFrom: ['198.51.100.0/24', '2001:db8:1::/48'],
      keys: ['k2', 'k1'],
      zones: ['b.test.', 'a.test.'],
      notify: false,
      catalog: 'cat.test.',
      check: ['192.0.2.99', '[2001:db8::99]:53'],
      optional: true,
      notifyRate: 20,
      maxTransfers: 5,
    });
  });

  test('set changes what is given and leaves the rest', async () => {
    await cli.ok(
      'secondary',
      'add',
      'ns1',
      '--address',
      '192.0.2.53',
      '--zones',
      'a.test',
      '--no-notify',
      '--catalog',
      'c.test',
    );
    const one = await cli.json('secondary', 'set', 'ns1', '--zones', 'ALL', '--notify');
    expect(one).toMatchObject({ zones: 'all', notify: true, addresses: ['192.0.2.53'], catalog: 'c.test.' });
    const two = await cli.json(
      'secondary',
      'set',
      'ns1',
      '--catalog',
      '',
      '--no-notify',
      '--address',
      '192.0.2.1:1',
    );
    expect(two).toMatchObject({ zones: 'all', notify: false, addresses: ['192.0.2.1:1'], catalog: null });
    expect(await cli.json('secondary', 'list')).toEqual([two]);
    expect(await cli.json('secondary', 'show', 'ns1')).toMatchObject({ ...two, notifications: [] });
  });

  test('failures', async () => {
    expect(await cli.fails(1, 'secondary', 'add', 'ns1', '--address', '192.0.2.53', '--key', 'k9')).toMatch(
      /no key named "k9"/,
    );
    await cli.ok('secondary', 'add', 'ns1', '--address', '192.0.2.53');
    expect(await cli.fails(1, 'secondary', 'add', 'ns1', '--address', '192.0.2.53')).toBe(
      'error: secondary ns1 is there already',
    );
    expect(await cli.fails(1, 'secondary', 'add', 'a b', '--address', '192.0.2.53')).toMatch(
      /letters, digits/,
    );
    expect(await cli.fails(1, 'secondary', 'set', 'ns1', '--transfer-from', '192.0.2.1/24')).toMatch(/cidr/);
    for (const command of [['show'], ['delete'], ['set', '--notify'], ['config', '--for', 'nsd']]) {
      const [name = '', ...options] = command;
      expect(await cli.fails(1, 'secondary', name, 'ns9', ...options)).toMatch(/no secondary ns9/);
    }
    expect(await cli.fails(1, 'secondary', 'config', 'ns1', '--for', 'bind', '--catalog')).toMatch(/catalog/);
    expect(await cli.json('secondary', 'delete', 'ns1')).toEqual({ deleted: 'ns1' });
  });

  test.each(['bind', 'nsd', 'knot', 'powerdns'])(
    'config --for %s names primaries, key and zones',
    async (kind) => {
      await cli.ok('zone', 'add', 'a.test', '--primary', 'ns1.a.test', '--contact', 'h@a.test');
      await cli.ok('zone', 'add', 'b.test', '--primary', 'ns1.b.test', '--contact', 'h@b.test');
      await cli.ok('key', 'add', 'k1', '--secret', SECRET);
      await cli.ok('secondary', 'add', 'ns1', '--address', '192.0.2.53', '--key', 'k1', '--zones', 'a.test');
      const text = await cli.ok('secondary', 'config', 'ns1', '--for', kind);
      for (const part of ['192.0.2.7', '2001:db8::7', '192.0.2.8', SECRET, 'a.test'])
        expect(text).toContain(part);
      expect(text).not.toContain('b.test');
      expect(await cli.json('secondary', 'config', 'ns1', '--for', kind)).toEqual({
        name: 'ns1',
        for: kind,
        config: text,
      });
    },
  );
});
