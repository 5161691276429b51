import { describe, expect, test } from 'vitest';
import { lookUp, namesToRead, type OwnRecord, type OwnZone } from '../../../src/zone/in-zone/lookup.ts';
import { isWithin, namesAbove, namesWithin } from '../../../src/zone/in-zone/names.ts';

/** A zone of lines "name type content"; a lookup may only read what it says it may need. */
function zoneOf(apex: string, lines: readonly string[], name: string): OwnZone {
  const records = new Map<string, OwnRecord[]>();
  for (const line of lines) {
    const [owner = '', type = '', ...content] = line.split(' ');
    records.set(owner, [...(records.get(owner) ?? []), { type, ttl: 3600, content: content.join(' ') }]);
  }
  const readable = new Set(namesToRead(name, apex));
  return {
    apex,
    at: (owner) => {
      expect(readable).toContain(owner);
      return records.get(owner) ?? [];
    },
    exists: (about) => [...records.keys()].some((owner) => isWithin(owner, about)),
  };
}

const found = (apex: string, lines: readonly string[], name: string) =>
  lookUp(name, zoneOf(apex, lines, name)).found;
const a = (address: string) => ({
  kind: 'addresses',
  a: { addresses: [address], ttl: 3600 },
  aaaa: undefined,
});

describe('the example zone of RFC 4592, section 2.2.1, with an address at its wildcard', () => {
  const zone = [
    'example. NS ns.example.com.',
    'example. NS ns.example.net.',
    '*.example. TXT "this is a wildcard"',
    '*.example. MX 10 host1.example.',
    '*.example. A 192.0.2.99',
    'sub.*.example. TXT "this is not a wildcard"',
    'host1.example. A 192.0.2.1',
    '_ssh._tcp.host1.example. SRV 0 0 22 host1.example.',
    '_ssh._tcp.host2.example. SRV 0 0 22 host2.example.',
    'subdel.example. NS ns.example.com.',
    'subdel.example. NS ns.example.net.',
  ];
  test.each([
    ['host3.example.', 'is made of the wildcard'],
    ['foo.bar.example.', 'is made of it, too: the closest encloser is example.'],
    ['*.example.', 'is the wildcard itself'],
  ])('%s %s', (name) => {
    expect(found('example.', zone, name)).toEqual(a('192.0.2.99'));
  });
  test.each([
    ['host1.example.', a('192.0.2.1'), 'exists'],
    ['sub.*.example.', { kind: 'none', detail: 'no addresses' }, 'exists'],
    ['_telnet._tcp.host1.example.', { kind: 'none' }, '_tcp.host1.example. is there by what is below it'],
    ['host.subdel.example.', { kind: 'delegated', cut: 'subdel.example.' }, 'below a zone cut'],
    ['subdel.example.', { kind: 'delegated', cut: 'subdel.example.' }, 'the cut itself'],
    ['ghost.*.example.', { kind: 'none' }, '*.example. exists, and has no wildcard below it'],
    ['host2.example.', { kind: 'none' }, 'an empty non-terminal'],
    ['x.host2.example.', { kind: 'none' }, 'below one'],
    ['example.', { kind: 'none', detail: 'no addresses' }, 'the apex'],
  ])('%s: %o (%s)', (name, expected, _why) => {
    expect(found('example.', zone, name)).toMatchObject(expected);
  });
});

describe('what is followed', () => {
  const zone = [
    'z.test. NS ns.z.test.',
    'www.z.test. CNAME Web.Z.test.',
    'alias.z.test. ALIAS cdn.example.net.',
    'both.z.test. A 192.0.2.2',
    'both.z.test. A 192.0.2.1',
    'both.z.test. AAAA 2001:db8::1',
    'd.z.test. DNAME other.test.',
    'd.z.test. A 192.0.2.5',
    'root.z.test. DNAME .',
    'below.d.z.test. A 192.0.2.6',
    '*.w.z.test. CNAME web.z.test.',
    'cut.z.test. NS ns.elsewhere.test.',
    'cut.z.test. A 192.0.2.7',
    'deep.cut.z.test. DNAME nowhere.test.',
    'a\\.b.z.test. A 192.0.2.8',
  ];
  test.each([
    ['www.z.test.', { kind: 'link', to: 'web.z.test.', ttl: 3600 }],
    ['alias.z.test.', { kind: 'link', to: 'cdn.example.net.' }],
    [
      'both.z.test.',
      {
        kind: 'addresses',
        a: { addresses: ['192.0.2.1', '192.0.2.2'] },
        aaaa: { addresses: ['2001:db8::1'] },
      },
    ],
    ['d.z.test.', a('192.0.2.5')],
    ['x.y.d.z.test.', { kind: 'link', to: 'x.y.other.test.' }],
    ['below.d.z.test.', { kind: 'link', to: 'below.other.test.' }],
    ['x.root.z.test.', { kind: 'link', to: 'x.' }],
    ['any.thing.w.z.test.', { kind: 'link', to: 'web.z.test.' }],
    ['w.z.test.', { kind: 'none' }],
    ['cut.z.test.', { kind: 'delegated' }],
    ['x.deep.cut.z.test.', { kind: 'delegated', cut: 'cut.z.test.' }],
    ['a\\.b.z.test.', a('192.0.2.8')],
    ['b.z.test.', { kind: 'none' }],
  ])('%s', (name, expected) => {
    expect(found('z.test.', zone, name)).toMatchObject(expected);
  });
  test('a name that a DNAME makes too long is a failure (RFC 6672, 2.2)', () => {
    const long = `${'x'.repeat(60)}.`;
    const name = `${long.repeat(3)}d.z.test.`;
    expect(found('z.test.', ['z.test. NS a.', `d.z.test. DNAME ${long.repeat(2)}test.`], name)).toMatchObject(
      { kind: 'failed', detail: expect.stringContaining('DNAME at d.z.test.') },
    );
  });
});

test('what was read is all that an edit could change the answer by', () => {
  const lines = ['z.test. NS a.', '*.z.test. A 192.0.2.9', 'x.y.z.test. TXT "x"', 'www.z.test. A 192.0.2.1'];
  const look = (name: string) => lookUp(name, zoneOf('z.test.', lines, name));
  expect(look('www.z.test.')).toMatchObject({ read: ['www.z.test.'] });
  expect(look('a.b.z.test.')).toMatchObject({
    read: ['a.b.z.test.', '*.b.z.test.', '*.z.test.'],
    under: 'b.z.test.',
  });
  expect(look('a.x.y.z.test.').read).toEqual(['a.x.y.z.test.', '*.x.y.z.test.', 'x.y.z.test.']);
});

test('labels end at dots, not at escaped ones', () => {
  expect(namesAbove('a\\.b.c\\\\.d.')).toEqual(['c\\\\.d.', 'd.']);
  expect(namesWithin('x.a\\.b.test.', 'b.test.')).not.toContain('b.test.');
  expect(namesWithin('x.y.test.', 'test.')).toEqual(['x.y.test.', 'y.test.', 'test.']);
  expect(namesWithin('test.', 'test.')).toEqual(['test.']);
});
