import { describe, expect, it } from 'vitest';
import { RCODE } from '../../src/dns/types.ts';
import { decideAccess } from '../../src/transfer/access.ts';
import { plainAddress } from '../../src/transfer/address-set.ts';
import { type RefusalReason, refusalRcode } from '../../src/transfer/refusal.ts';
import { registeredAt } from '../../src/transfer/registered.ts';
import type { Registration } from '../../src/transfer/source.ts';
import { MemoryRegistry, makeKey } from '../support/memory-zones.ts';

const first = makeKey('first.');
const second = makeKey('second.');

function registrations(...fields: Partial<Registration>[]): readonly Registration[] {
  const registry = new MemoryRegistry();
  for (const [index, each] of fields.entries()) registry.add(`s${index}`, each);
  return registry.registrations();
}

function outcome(
  list: readonly Registration[],
  address: string,
  key = undefined as typeof first | undefined,
  zone = 'example.com.',
): string {
  const access = decideAccess(list, address, key, zone);
  return access.kind === 'allowed' ? access.secondary.name : access.refusal.reason;
}

describe('access', () => {
  it('is by address or range, of both families and in any spelling', () => {
    const list = registrations({
      addresses: ['192.0.2.1', '2001:DB8:0::1'],
      transferFrom: ['198.51.100.0/24', '2001:db8:1::/48', '203.0.113.77/24'],
    });
    for (const address of [
      '192.0.2.1',
      '::ffff:192.0.2.1',
      '2001:db8::1',
      '198.51.100.255',
      '2001:db8:1:ffff::',
      '203.0.113.1',
      '2001:db8::1%eth0',
    ]) {
      expect(outcome(list, address)).toBe('s0');
    }
    for (const address of ['192.0.2.2', '2001:db8::2', '198.51.101.0', '2001:db8:2::', '', 'nonsense']) {
      expect(outcome(list, address)).toBe('unknown-address');
    }
  });

  it('of all of IPv6 is not of IPv4, which is written into it; of the mapped range it is (RFC 4291, 2.5.5.2)', () => {
    const ipv6 = registrations({ transferFrom: ['::/0'] });
    expect(outcome(ipv6, '2001:db8::1')).toBe('s0');
    expect(outcome(ipv6, '192.0.2.1')).toBe('unknown-address');
    expect(outcome(ipv6, '::ffff:192.0.2.1')).toBe('unknown-address');
    expect(outcome(registrations({ transferFrom: ['0.0.0.0/0'] }), '2001:db8::1')).toBe('unknown-address');
    const mapped = registrations({
      addresses: ['::ffff:198.51.100.1'],
      transferFrom: ['::ffff:192.0.2.0/120'],
    });
    expect(outcome(mapped, '192.0.2.255')).toBe('s0');
    expect(outcome(mapped, '198.51.100.1')).toBe('s0');
    expect(outcome(mapped, '192.0.3.1')).toBe('unknown-address');
    expect(outcome(mapped, '198.51.100.2')).toBe('unknown-address');
  });

  it('is of all that have an address, alone or in a range, in their order, also behind ten thousand strangers', () => {
    const list = registrations(
      { addresses: ['198.51.100.1'], transferFrom: ['192.0.2.0/24'] },
      { addresses: ['2001:db8::1'] },
      { addresses: ['192.0.2.7'] },
      { addresses: [], transferFrom: ['192.0.2.7/32', '2001:db8::/64'] },
    );
    const namesAt = (address: string) => registeredAt(list, address).map(({ name }) => name);
    for (const _ of [1, 2]) {
      expect(namesAt('192.0.2.7')).toEqual(['s0', 's2', 's3']);
      expect(namesAt('2001:db8::1')).toEqual(['s1', 's3']);
      expect(namesAt('192.0.2.8')).toEqual(['s0']);
      for (let n = 0; n < 10_000; n++)
        expect(registeredAt(list, `10.0.${n >> 8}.${n & 255}`)).toHaveLength(0);
    }
  });

  it('lets nobody in by what is no address', () => {
    const list = registrations({
      addresses: ['', '*', '10.0.0.0/'],
      transferFrom: ['10.0.0.0/33', 'x/8', '10.0.0.0/-1'],
    });
    expect(outcome(list, '10.0.0.0')).toBe('unknown-address');
  });

  it('wants one of the keys where there are any, and takes each of them', () => {
    const list = registrations({ addresses: ['192.0.2.1'], keys: [first, second] });
    expect(outcome(list, '192.0.2.1', first)).toBe('s0');
    expect(outcome(list, '192.0.2.1', second)).toBe('s0');
    expect(outcome(list, '192.0.2.1')).toBe('key-expected');
    expect(outcome(list, '192.0.2.1', makeKey('third.'))).toBe('key-not-theirs');
    expect(outcome(list, '192.0.2.1', makeKey('FIRST.'))).toBe('s0');
    expect(outcome(list, '192.0.2.1', makeKey('first.', 'hmac-sha512'))).toBe('key-not-theirs');
    expect(outcome(list, '192.0.2.2', first)).toBe('unknown-address');
  });

  it('a signed request does not match a registration without keys', () => {
    expect(outcome(registrations({ addresses: ['192.0.2.1'] }), '192.0.2.1', first)).toBe('key-not-theirs');
  });

  it('several registrations may share an address, told apart by key and zones', () => {
    const list = registrations(
      { addresses: ['192.0.2.1'], keys: [first], zones: new Set(['a.test.']) },
      { addresses: ['192.0.2.1'], keys: [second], zones: new Set(['b.test.']) },
      { addresses: ['192.0.2.1'], zones: new Set(['c.test.']) },
      { addresses: ['192.0.2.1'], zones: new Set(['d.test.']) },
    );
    expect(outcome(list, '192.0.2.1', first, 'a.test.')).toBe('s0');
    expect(outcome(list, '192.0.2.1', first, 'b.test.')).toBe('zone-not-allowed');
    expect(outcome(list, '192.0.2.1', second, 'b.test.')).toBe('s1');
    expect(outcome(list, '192.0.2.1', undefined, 'c.test.')).toBe('s2');
    expect(outcome(list, '192.0.2.1', undefined, 'd.test.')).toBe('s3');
    expect(outcome(list, '192.0.2.1', undefined, 'a.test.')).toBe('zone-not-allowed');
  });

  it('a catalog is for those alone that name it, whatever their zones (RFC 9432, 7)', () => {
    const list = registrations(
      { addresses: ['192.0.2.1'] },
      { addresses: ['192.0.2.2'], zones: new Set(['a.test.']), catalog: 'cat.test.' },
      { addresses: ['192.0.2.3'], zones: new Set(['cat.test.']) },
      { addresses: ['192.0.2.2'], catalog: 'other.test.' },
    );
    expect(outcome(list, '192.0.2.2', undefined, 'cat.test.')).toBe('s1');
    expect(outcome(list, '192.0.2.2', undefined, 'other.test.')).toBe('s3');
    expect(outcome(list, '192.0.2.2', undefined, 'a.test.')).toBe('s1');
    expect(outcome(list, '192.0.2.1', undefined, 'cat.test.')).toBe('zone-not-allowed');
    expect(outcome(list, '192.0.2.3', undefined, 'cat.test.')).toBe('zone-not-allowed');
  });

  it('addresses are written plainly', () => {
    expect(plainAddress('::ffff:192.0.2.1')).toBe('192.0.2.1');
    expect(plainAddress('fe80::1%eth0')).toBe('fe80::1');
  });
});

describe('the table of refusals', () => {
  it('has NOTAUTH for TSIG errors alone (RFC 8945, 5.2)', () => {
    const notAuth = (Object.keys(refusalRcode) as RefusalReason[]).filter(
      (reason) => refusalRcode[reason] === RCODE.NOTAUTH,
    );
    expect(notAuth.sort()).toEqual(['bad-key', 'bad-signature', 'bad-time', 'bad-truncation']);
  });
});
