import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { SECONDARY_KINDS, secondaryConfig } from '../../src/cli/secondary-config.ts';
import {
  installed,
  type Secondary,
  type SecondaryOptions,
  startSecondary,
} from '../support/secondaries/index.ts';
import { startReferencePrimary } from '../support/secondaries/reference-primary.ts';

const KEY = { name: 'Transfer-Key.example.', algorithm: 'hmac-sha256', secret: secret('one') };
const ZONE_FILE = `$TTL 300
@ SOA ns1 hostmaster 7 3600 600 86400 60
@ NS ns1
ns1 A 192.0.2.1
www MX 10 mail
text TXT "two strings" "kept apart"
`;

describe('what every configuration says', () => {
  const options = {
    name: 'ns1',
    addresses: [{ ip: '198.51.100.53', port: 53 }],
    primary: [
      { ip: '192.0.2.1', port: 5300 },
      { ip: '2001:db8::1', port: 5300 },
    ],
    notifyFrom: ['203.0.113.9'],
    zones: ['example.com.', '0/26.2.0.192.in-addr.arpa.'],
    key: KEY,
  };

  test.each(SECONDARY_KINDS)('%s: both primaries, the key, the address of NOTIFY, each zone', (kind) => {
    const text = secondaryConfig(kind, options);
    for (const part of [
      '192.0.2.1',
      '2001:db8::1',
      '203.0.113.9',
      '198.51.100.53',
      KEY.secret,
      'hmac-sha256',
    ])
      expect(text).toContain(part);
    for (const zone of ['example.com', '0/26.2.0.192.in-addr.arpa'])
      expect(text).toMatch(new RegExp(`["']${zone}["']`));
  });

  test.each(SECONDARY_KINDS)('%s: no name leads a file out of its folder', (kind) => {
    const text = secondaryConfig(kind, {
      ...options,
      zones: ['../../etc/passwd.', 'a\\.b.', `${'a.'.repeat(126)}`],
    });
    expect(text).not.toMatch(/file:? "[^"]*\//);
    for (const [, file] of text.matchAll(/file:? "([^"]*)"/g)) expect(file!.length).toBeLessThan(256);
  });
});

describe('by a catalog (RFC 9432)', () => {
  const options = {
    name: 'ns1',
    addresses: [{ ip: '198.51.100.53', port: 53 }],
    primary: [{ ip: '192.0.2.1', port: 5300 }],
    notifyFrom: ['203.0.113.9'],
    zones: [],
    catalog: 'catalog.example.com.',
  };

  test.each(['bind', 'knot'] as const)('%s: the catalog instead of zones, and the key', (kind) => {
    const text = secondaryConfig(kind, { ...options, key: KEY });
    for (const part of ['"catalog.example.com"', KEY.secret, '192.0.2.1', '203.0.113.9'])
      expect(text).toContain(part);
  });

  test('powerdns: without a key alone, as 4.7 pulls members unsigned', () => {
    expect(secondaryConfig('powerdns', options)).toMatch(/set-kind 'catalog\.example\.com' consumer/);
    expect(() => secondaryConfig('powerdns', { ...options, key: KEY })).toThrow(
      /PowerDNS 4\.7 pulls the members of a catalog unsigned, and ns1 has a key/,
    );
  });

  test('nsd: 4.6 has none', () => {
    expect(() => secondaryConfig('nsd', options)).toThrow(/NSD 4\.6 has no catalog zones/);
  });
});

describe.each(SECONDARY_KINDS)('%s runs with what is printed for it', (kind) => {
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });

  test.skipIf(!installed(kind) || !installed('knot'))('without a key', async () => {
    const primary = await startPrimary('example.test.');
    const secondary = await start({ primary, zones: ['example.test.'] });
    expect(await serialOf(secondary, 'example.test.')).toBe(7);
    expect(await secondary.content('example.test.')).toEqual(await primary.content());
  });

  test.skipIf(!installed(kind) || !installed('knot'))(
    'with a key, at a zone whose name is no file name',
    async () => {
      const zone = '0/26.2.0.192.in-addr.arpa.';
      const primary = await startPrimary(zone, KEY);
      const secondary = await start({ primary, zones: [zone], key: KEY });
      expect(await serialOf(secondary, zone)).toBe(7);
      expect((await secondary.content(zone)).size).toBe(5);
    },
  );

  test.skipIf(!installed(kind) || !installed('knot'))(
    'and has nothing with another secret under the same name',
    async () => {
      const primary = await startPrimary('example.test.', KEY);
      const key = { ...KEY, secret: secret('two') };
      const secondary = await start({ primary, zones: ['example.test.'], key });
      await sleep(1_500);
      expect(await secondary.serial('example.test.')).toBeUndefined();
    },
  );

  async function startPrimary(zone: string, key?: typeof KEY) {
    const primary = await startReferencePrimary(zone, ZONE_FILE, key);
    stops.push(primary.stop);
    return primary;
  }

  async function start(options: SecondaryOptions): Promise<Secondary> {
    const secondary = await startSecondary(kind, options);
    stops.push(secondary.stop);
    return secondary;
  }
});

async function serialOf(secondary: Secondary, zone: string): Promise<number | undefined> {
  for (const end = Date.now() + 10_000; Date.now() < end; await sleep(20)) {
    const serial = await secondary.serial(zone);
    if (serial !== undefined) return serial;
  }
  throw new Error(`${secondary.kind} has no copy of ${zone} after 10 s:\n${secondary.log()}`);
}

function secret(text: string): string {
  return Buffer.from(text.padEnd(32, '.')).toString('base64');
}
