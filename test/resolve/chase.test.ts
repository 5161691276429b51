import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { encodeUpstreamReply, type UpstreamAnswer } from '../../src/demo/upstream.ts';
import { absoluteName, nameKey } from '../../src/dns/name.ts';
import { parseRdata } from '../../src/dns/rdata/index.ts';
import { TYPE } from '../../src/dns/types.ts';
import { Resolver } from '../../src/resolve/resolver.ts';
import { Upstream } from '../support/upstream.ts';

let up: Upstream;
let stub: Resolver;
beforeEach(async () => {
  up = await Upstream.start();
  stub = new Resolver({ servers: [up.endpoint], timeoutMs: 300, tries: 1, clock: systemClock });
});
afterEach(async () => {
  await stub.close();
  await up.close();
});

/** A chain `l0` -> `l1` -> … of so many links; the last name has an address. */
function chainOf(links: number): void {
  for (let link = 0; link < links; link++) {
    up.set(`l${link}.example.net`, { CNAME: `l${link + 1}.example.net`, ttl: 100 + link });
  }
  up.set(`l${links}.example.net`, { A: ['203.0.113.1'], ttl: 200 });
}

/** Makes each answer out of these records, whatever was asked. */
function answerWith(answer: Partial<UpstreamAnswer>): void {
  up.rewrite = (_reply, query, transport) =>
    encodeUpstreamReply(query, { rcode: 0, answers: [], negative: false, ...answer }, transport);
}

function record(name: string, type: 'A' | 'AAAA' | 'CNAME', text: string, ttl = 60) {
  return { name: absoluteName(name), type: TYPE[type], ttl, rdata: parseRdata(TYPE[type], text) };
}

describe.each([
  ['in one answer', false],
  ['one link an answer', true],
])('a chain %s', (_, oneLinkAtATime) => {
  test('RFC 1034, 3.6.2: is followed, and the smallest TTL of all its records counts', async () => {
    up.oneLinkAtATime = oneLinkAtATime;
    chainOf(3);
    const look = await stub.look('l0.example.net.', 'A');
    expect(look.outcome).toEqual({ kind: 'found', addresses: ['203.0.113.1'], ttl: 100 });
    expect(look.chain).toEqual([
      { name: 'l1.example.net.', ttl: 100 },
      { name: 'l2.example.net.', ttl: 101 },
      { name: 'l3.example.net.', ttl: 102 },
    ]);
    expect(look.addressTtl).toBe(200);
    expect(up.count()).toBe(oneLinkAtATime ? 4 : 1);
  });

  test('that comes back to itself is a loop', async () => {
    up.oneLinkAtATime = oneLinkAtATime;
    up.set('a.example.net', { CNAME: 'B.example.net' });
    up.set('b.example.net', { CNAME: 'A.Example.net' });
    const look = await stub.look('a.example.net.', 'A');
    expect(look.outcome).toMatchObject({ kind: 'failed', reason: 'loop' });
    expect(up.count()).toBeLessThanOrEqual(2);
  });

  test('without an end is given up', async () => {
    up.oneLinkAtATime = oneLinkAtATime;
    chainOf(25);
    expect((await stub.look('l0.example.net.', 'A')).outcome).toMatchObject({
      kind: 'failed',
      reason: 'chain',
    });
    expect(up.count()).toBeLessThanOrEqual(8);
  });

  test('RFC 6604, 3: into nothing is nxdomain or nodata, with the chain it went through', async () => {
    up.oneLinkAtATime = oneLinkAtATime;
    up.set('a.example.net', { CNAME: 'gone.example.net', ttl: 7 });
    expect(await stub.look('a.example.net.', 'A')).toMatchObject({
      outcome: { kind: 'nxdomain', ttl: 7 },
      chain: [{ name: 'gone.example.net.', ttl: 7 }],
    });
    up.set('gone.example.net', { AAAA: ['2001:db8::1'] });
    expect((await stub.look('a.example.net.', 'A')).outcome).toEqual({ kind: 'nodata', ttl: 7 });
  });
});

test('RFC 6840, 5.7 and 5.8: AD is asked for, and an answer is authentic where every part of it is', async () => {
  up.oneLinkAtATime = true;
  chainOf(1);
  let validated = 2;
  up.rewrite = (reply, query) => {
    expect(query.ad).toBe(true);
    if (validated-- > 0) reply[3]! |= 0x20;
    return reply;
  };
  expect(await stub.look('l0.example.net.', 'A')).toHaveProperty('authentic', true);
  validated = 1;
  expect(await stub.look('l0.example.net.', 'A')).toHaveProperty('authentic', false);
});

test('nothing vouches for a look that failed', async () => {
  up.fail('black.example.net', 'timeout');
  const look = await stub.look('black.example.net.', 'A');
  expect(look.outcome.kind).toBe('failed');
  expect(look).toHaveProperty('authentic', false);
});

test('a chain of sixteen links in one answer is followed', async () => {
  chainOf(16);
  expect((await stub.look('l0.example.net.', 'A')).outcome.kind).toBe('found');
});

test('a CNAME to itself is a loop', async () => {
  up.set('self.example.net', { CNAME: 'self.example.net' });
  expect((await stub.look('self.example.net.', 'A')).outcome).toMatchObject({
    kind: 'failed',
    reason: 'loop',
  });
});

test('the order of records in an answer means nothing, and strangers among them are passed over', async () => {
  answerWith({
    answers: [
      record('c.example.net', 'A', '203.0.113.3', 50),
      record('stranger.example.net', 'A', '192.0.2.66', 1),
      record('b.example.net', 'CNAME', 'C.example.net.', 40),
      record('c.example.net', 'AAAA', '2001:db8::66', 1),
      record('a.example.net', 'CNAME', 'b.example.net.', 60),
    ],
  });
  expect((await stub.look('a.example.net.', 'A')).outcome).toEqual({
    kind: 'found',
    addresses: ['203.0.113.3'],
    ttl: 40,
  });
});

test('an answer about another name alone is no answer, and no "no data" either', async () => {
  answerWith({ answers: [record('stranger.example.net', 'A', '192.0.2.66')] });
  expect((await stub.look('a.example.net.', 'A')).outcome).toMatchObject({
    kind: 'failed',
    reason: 'malformed',
  });
});

test("RFC 2308, 2: another zone's SOA denies nothing, and holds no denial for any time", async () => {
  up.set('b.example.net', { A: ['203.0.113.2'] });
  answerWith({ negative: true, zone: absoluteName('example.org') });
  expect((await stub.look('a.example.net.', 'A')).outcome).toEqual({ kind: 'nodata' });
  answerWith({ rcode: 3, negative: true, zone: absoluteName('sub.a.example.net') });
  expect((await stub.look('a.example.net.', 'A')).outcome).toEqual({ kind: 'nxdomain' });
  answerWith({ negative: true, zone: absoluteName('a.example.net') });
  expect((await stub.look('a.example.net.', 'A')).outcome).toEqual({ kind: 'nodata', ttl: 30 });
  // of where the chain came from: its end is asked for by itself
  const answers = [record('a.example.org', 'CNAME', 'b.example.net.')];
  up.rewrite = (reply, query, transport) =>
    nameKey(query.questions[0]!.name) === 'a.example.org.'
      ? encodeUpstreamReply(
          query,
          { rcode: 0, answers, negative: true, zone: absoluteName('example.org') },
          transport,
        )
      : reply;
  expect((await stub.look('a.example.org.', 'A')).outcome).toEqual({
    kind: 'found',
    addresses: ['203.0.113.2'],
    ttl: 60,
  });
});

test('RFC 6672, 3.1: a DNAME without the CNAME that it makes is no "no data"', async () => {
  answerWith({
    answers: [
      { name: absoluteName('example.net'), type: TYPE.DNAME, ttl: 60, rdata: absoluteName('example.org') },
    ],
  });
  expect((await stub.look('a.example.net.', 'A')).outcome).toMatchObject({
    kind: 'failed',
    reason: 'malformed',
  });
});

test('two CNAMEs at one name are malformed', async () => {
  answerWith({
    answers: [
      record('a.example.net', 'CNAME', 'b.example.net.'),
      record('a.example.net', 'CNAME', 'c.example.net.'),
    ],
  });
  expect((await stub.look('a.example.net.', 'A')).outcome).toMatchObject({
    kind: 'failed',
    reason: 'malformed',
  });
});

test.each([
  ['A', '0.0.0.0'],
  ['A', '0.1.2.3'],
  ['A', '127.0.0.1'],
  ['A', '127.255.255.254'],
  ['A', '169.254.1.1'],
  ['A', '224.0.0.1'],
  ['A', '239.255.255.255'],
  ['A', '255.255.255.255'],
  ['AAAA', '::'],
  ['AAAA', '::1'],
  ['AAAA', 'fe80::1'],
  ['AAAA', 'febf::1'],
  ['AAAA', 'ff02::1'],
  ['AAAA', '::ffff:127.0.0.1'],
  ['AAAA', '::ffff:0.0.0.0'],
  ['AAAA', '::ffff:169.254.0.1'],
  ['AAAA', '::ffff:255.255.255.255'],
  ['AAAA', '::7f00:1'],
] as const)(
  '%s %s is never given back: alone it fails the set, beside others it is left out',
  async (family, address) => {
    const good = family === 'A' ? '203.0.113.1' : '2001:db8::1';
    up.set('bad.example.net', { [family]: [address] });
    up.set('mixed.example.net', { [family]: [address, good] });
    const alone = await stub.look('bad.example.net.', family);
    expect(alone.outcome).toMatchObject({ kind: 'failed', reason: 'malformed' });
    expect(alone.outcome).toHaveProperty('detail', expect.stringContaining(address));
    expect((await stub.look('mixed.example.net.', family)).outcome).toHaveProperty('addresses', [good]);
  },
);

test.each([
  ['A', '10.0.0.1'],
  ['A', '168.254.1.1'],
  ['A', '223.255.255.255'],
  ['AAAA', 'fec0::1'],
  ['AAAA', 'fd00::1'],
  ['AAAA', '::ffff:203.0.113.1'],
] as const)('%s %s is an address like any other', async (family, address) => {
  up.set('fine.example.net', { [family]: [address] });
  expect((await stub.look('fine.example.net.', family)).outcome).toHaveProperty('addresses', [address]);
});

test.each([
  [6, 'bogus', /EDE 6 DNSSEC Bogus: signature of ns1 \?*expired/],
  [7, 'bogus', /EDE 7 Signature Expired/],
  [22, 'servfail', /EDE 22 No Reachable Authority/],
] as const)(
  'RFC 8914: SERVFAIL with extended error %i is %s, and its text is kept',
  async (code, reason, detail) => {
    up.fail('a.example.net', 'servfail');
    up.explain('a.example.net', [code, 'signature of ns1\u0007expired']);
    const look = await stub.look('a.example.net.', 'A');
    const { outcome } = look;
    expect(outcome).toMatchObject({ kind: 'failed', reason });
    expect(outcome).toHaveProperty('detail', expect.stringMatching(detail));
    expect(look.extendedError).toMatch(detail);
  },
);

test('RFC 8914: an extended error beside a good answer is kept, and the answer counts', async () => {
  up.set('a.example.net', { A: ['192.0.2.1'] });
  up.explain('a.example.net', [3, 'stale'], [4]);
  const look = await stub.look('a.example.net.', 'A');
  expect(look.outcome.kind).toBe('found');
  expect(look.extendedError).toBe('EDE 3 Stale Answer: stale; EDE 4 Forged Answer');
});

test('a referral is a failure of the upstream and no "no data" of the name', async () => {
  up.fail('a.example.net', 'referral');
  expect((await stub.look('a.example.net.', 'A')).outcome).toMatchObject({
    kind: 'failed',
    reason: 'refused',
  });
});
