import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { secondaryConfig } from '../../src/cli/secondary-config.ts';
import { Authority, type Certificate } from '../support/certificates.ts';
import { type TestCli, testCli } from './support.ts';

let authority: Authority;
let own: Certificate;
let cli: TestCli;

beforeAll(async () => {
  authority = await Authority.make();
  own = await authority.issue('primary.test', 'IP:192.0.2.7,DNS:xfr.primary.test,DNS:primary.test');
  cli = await testCli({ DNS_LISTEN: '192.0.2.7:5300' });
  await cli.ok('zone', 'add', 'a.test', '--primary', 'ns1.a.test', '--contact', 'h@a.test');
  await cli.ok('key', 'add', 'k1');
  await cli.ok('secondary', 'add', 'ns1', '--address', '192.0.2.53', '--key', 'k1');
});
afterAll(async () => {
  await cli?.close();
  await authority?.remove();
});

/** The settings of TLS, in the folder's `.env`. */
async function withTls(more = ''): Promise<void> {
  await cli.file('.env', `TLS_LISTEN=192.0.2.9\nTLS_CERT=${own.certFile}\nTLS_KEY=${own.keyFile}\n${more}`);
}

describe('secondary config --tls', () => {
  beforeEach(() => withTls());

  test('bind: asks where TLS is listened for, by the first name of our certificate', async () => {
    const text = await cli.ok('secondary', 'config', 'ns1', '--for', 'bind', '--tls');
    expect(text).toContain('    192.0.2.9 port 853 key "k1" tls "zoneferry";');
    expect(text).toContain(
      'tls "zoneferry" {\n    remote-hostname "xfr.primary.test";\n    protocols { TLSv1.3; };\n};',
    );
    expect(text).not.toMatch(/ca-file "|cert-file/);
    expect(text).not.toContain('192.0.2.7 port');
  });

  test('nsd: with another name, an authority and a certificate of its own', async () => {
    const text = await cli.ok(
      ...[
        'secondary',
        'config',
        'ns1',
        '--for',
        'nsd',
        '--tls',
        'primary.test',
        '--tls-ca',
        '/etc/nsd/ca.pem',
      ],
      ...['--tls-cert', '/etc/nsd/me.pem', '--tls-key', '/etc/nsd/me.key'],
    );
    for (const part of [
      'server:\n    tls-cert-bundle: "/etc/nsd/ca.pem"',
      'tls-auth:\n    name: "zoneferry"\n    auth-domain-name: "primary.test"',
      '    client-cert: "/etc/nsd/me.pem"\n    client-key: "/etc/nsd/me.key"',
      '    request-xfr: 192.0.2.9@853 k1 zoneferry',
    ])
      expect(text).toContain(part);
  });

  test('without it nothing is said of TLS', async () => {
    const text = await cli.ok('secondary', 'config', 'ns1', '--for', 'bind');
    expect(text).toContain('192.0.2.7 port 5300');
    expect(text).not.toContain('tls');
  });

  test('a name that our certificate is not for is warned of', async () => {
    const { status, stderr } = await cli.run(
      ...['secondary', 'config', 'ns1', '--for', 'bind', '--tls', 'other.test'],
    );
    expect(status).toBe(0);
    expect(stderr).toContain('the certificate in TLS_CERT is not for other.test');
  });

  test.each([
    ['knot', 'error: Knot DNS 3.2 has no XFR over TLS: leave --tls out'],
    ['powerdns', 'error: PowerDNS 4.7 has no XFR over TLS: leave --tls out'],
  ])('%s has none', async (kind, message) => {
    expect(await cli.fails(1, 'secondary', 'config', 'ns1', '--for', kind, '--tls')).toBe(message);
  });

  test('what does not go together', async () => {
    const config = ['secondary', 'config', 'ns1', '--for', 'bind'];
    expect(await cli.fails(2, ...config, '--tls-ca', '/ca.pem')).toContain('go with --tls');
    expect(await cli.fails(2, ...config, '--tls', '--tls-key', '/me.key')).toContain(
      '--tls-cert and --tls-key go together',
    );
    for (const name of ['a b', 'x"; };', '-x.test', '../x']) await cli.fails(2, ...config, `--tls=${name}`);
    for (const path of ['a"b', 'a\\b', 'a\nb']) await cli.fails(2, ...config, '--tls', '--tls-ca', path);
    await withTls(`TLS_CLIENT_CA=${authority.caFile}\n`);
    expect(await cli.fails(1, ...config, '--tls')).toContain(
      'TLS_CLIENT_CA is set, so the secondary has to show a certificate',
    );
    expect(await cli.ok(...config, '--tls', '--tls-cert', '/me.pem', '--tls-key', '/me.key')).toContain(
      '    cert-file "/me.pem";\n    key-file "/me.key";',
    );
    await cli.file('.env', '');
    expect(await cli.fails(1, ...config, '--tls')).toContain('TLS_LISTEN is unset');
  });
});

test('a catalog of BIND takes its members over TLS as well', () => {
  const text = secondaryConfig('bind', {
    name: 'ns1',
    addresses: [],
    primary: [{ ip: '192.0.2.9', port: 853 }],
    zones: [],
    catalog: 'catalog.test.',
    tls: { name: 'primary.test' },
  });
  expect(text).toContain('192.0.2.9 port 853 tls "zoneferry";');
  expect(text).toContain('zone "catalog.test" default-primaries { "zoneferry"; }');
});
