import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { encodeUpstreamReply } from '../../src/demo/upstream.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { parseRdata } from '../../src/dns/rdata/index.ts';
import { TYPE } from '../../src/dns/types.ts';
import type { Endpoint } from '../../src/endpoint.ts';
import { Resolver } from '../../src/resolve/resolver.ts';
import { Upstream } from '../support/upstream.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0)) await thing.close();
});

async function upstream(): Promise<Upstream> {
  const started = await Upstream.start();
  open.push(started);
  return started;
}

function resolver(servers: Endpoint[], options: { timeoutMs?: number; tries?: number } = {}): Resolver {
  const made = new Resolver({ servers, timeoutMs: 200, tries: 3, clock: systemClock, ...options });
  open.unshift(made);
  return made;
}

/** A port on which nobody listens. */
async function deadEndpoint(): Promise<Endpoint> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return { ip: '127.0.0.1', port };
}

/** Something that takes questions and never answers. */
async function deafEndpoint(): Promise<Endpoint> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  open.push({ close: async () => void socket.close() });
  return { ip: '127.0.0.1', port: socket.address().port };
}

test('addresses come back sorted, canonical and without duplicates, each family by itself', async () => {
  const up = await upstream();
  up.set('cdn.example.net', {
    A: ['203.0.113.9', '203.0.113.10', '203.0.113.9'],
    AAAA: ['2001:DB8:0:0::1', '2001:db8::1'],
    ttl: 77,
  });
  const stub = resolver([up.endpoint]);
  const look = await stub.look('cdn.example.net.', 'A');
  expect(look).toMatchObject({
    target: 'cdn.example.net.',
    family: 'A',
    chain: [],
    resolver: `127.0.0.1:${up.endpoint.port}`,
    outcome: { kind: 'found', addresses: ['203.0.113.10', '203.0.113.9'], ttl: 77 },
  });
  expect(look.ms).toBeGreaterThanOrEqual(0);
  expect((await stub.look('cdn.example.net.', 'AAAA')).outcome).toEqual({
    kind: 'found',
    addresses: ['2001:db8::1'],
    ttl: 77,
  });
});

test('RFC 2308, 2: no such name and no data are outcomes, with the time they hold', async () => {
  const up = await upstream();
  up.set('v4.example.net', { A: ['203.0.113.1'] });
  const stub = resolver([up.endpoint]);
  expect((await stub.look('v4.example.net.', 'AAAA')).outcome).toEqual({ kind: 'nodata', ttl: 30 });
  expect((await stub.look('none.example.net.', 'A')).outcome).toEqual({ kind: 'nxdomain', ttl: 30 });
});

test.each(['servfail', 'refused', 'timeout'] as const)(
  '%s of the only upstream is the outcome',
  async (failure) => {
    const up = await upstream();
    up.fail('cdn.example.net', failure);
    const look = await resolver([up.endpoint], { timeoutMs: 50, tries: 2 }).look('cdn.example.net.', 'A');
    expect(look.outcome).toMatchObject({ kind: 'failed', reason: failure });
    expect(up.count('cdn.example.net', 'A')).toBe(2);
  },
);

test.each(['wrong-id', 'wrong-question', 'garbage', 'servfail', 'refused', 'timeout', 'referral'] as const)(
  'an upstream that gives %s costs its turn and nothing else',
  async (failure) => {
    const liar = await upstream();
    const honest = await upstream();
    liar.set('cdn.example.net', { A: ['192.0.2.66'] });
    liar.fail('cdn.example.net', failure);
    honest.set('cdn.example.net', { A: ['203.0.113.1'], ttl: 5 });
    const look = await resolver([liar.endpoint, honest.endpoint], { timeoutMs: 100 }).look(
      'cdn.example.net.',
      'A',
    );
    expect(look.outcome).toEqual({ kind: 'found', addresses: ['203.0.113.1'], ttl: 5 });
    expect(look.resolver).toBe(`127.0.0.1:${honest.endpoint.port}`);
    expect(liar.count()).toBe(1);
  },
);

test('another upstream than the one to avoid is asked first, where there is one', async () => {
  const [first, second] = [await upstream(), await upstream()];
  for (const each of [first, second]) each.set('cdn.example.net', { A: ['203.0.113.1'] });
  const avoid = `127.0.0.1:${first.endpoint.port}`;
  const both = resolver([first.endpoint, second.endpoint]);
  expect((await both.look('cdn.example.net.', 'A')).resolver).toBe(avoid);
  expect((await both.look('cdn.example.net.', 'A', { avoid })).resolver).not.toBe(avoid);
  expect((await resolver([first.endpoint]).look('cdn.example.net.', 'A', { avoid })).resolver).toBe(avoid);
});

test('a port where nobody listens is unreachable at once, not after the deadline', async () => {
  const up = await upstream();
  up.set('cdn.example.net', { A: ['203.0.113.1'] });
  const dead = await deadEndpoint();
  const stub = resolver([dead, up.endpoint], { timeoutMs: 5_000 });
  const look = await stub.look('cdn.example.net.', 'A');
  expect(look.outcome.kind).toBe('found');
  expect(look.ms).toBeLessThan(1_000);
  const alone = await resolver([dead], { timeoutMs: 5_000 }).look('cdn.example.net.', 'A');
  expect(alone.outcome).toMatchObject({ kind: 'failed', reason: 'unreachable' });
});

test('an upstream that has been silent stands behind the others, and is asked again later', async () => {
  const deaf = await upstream();
  const up = await upstream();
  for (const each of [deaf, up]) each.set('cdn.example.net', { A: ['203.0.113.1'] });
  deaf.fail('cdn.example.net', 'timeout');
  let now = 1_000_000;
  const stub = new Resolver({
    servers: [deaf.endpoint, up.endpoint],
    timeoutMs: 50,
    tries: 2,
    clock: systemClock,
    now: () => now,
  });
  open.unshift(stub);
  for (let look = 0; look < 6; look++) {
    expect((await stub.look('cdn.example.net.', 'A')).outcome.kind).toBe('found');
  }
  expect(deaf.count()).toBe(3);
  deaf.heal('cdn.example.net');
  now += 2_001;
  expect((await stub.look('cdn.example.net.', 'A')).resolver).toContain(String(deaf.endpoint.port));
});

test('the answer of the upstream that says most is the outcome when all fail', async () => {
  const first = await upstream();
  const deaf = await deafEndpoint();
  first.fail('cdn.example.net', 'servfail');
  const look = await resolver([first.endpoint, deaf], { timeoutMs: 50, tries: 2 }).look(
    'cdn.example.net.',
    'A',
  );
  expect(look.outcome).toMatchObject({ kind: 'failed', reason: 'servfail' });
  expect(look.outcome).toHaveProperty('detail', expect.stringMatching(/SERVFAIL; .* no reply within 50 ms/));
});

test('RFC 7766, 5: a truncated reply is asked for again over TCP', async () => {
  const up = await upstream();
  const addresses = Array.from({ length: 900 }, (_, index) => `203.0.${index >> 8}.${index & 255}`);
  up.set('many.example.net', { A: addresses });
  const look = await resolver([up.endpoint]).look('many.example.net.', 'A');
  expect(look.outcome).toHaveProperty('addresses', [...addresses].sort());
  expect(up.byTransport).toEqual({ udp: 1, tcp: 1 });
  up.set('flag.example.net', { A: ['203.0.113.1'] });
  up.fail('flag.example.net', 'truncate');
  expect((await resolver([up.endpoint]).look('flag.example.net.', 'A')).outcome.kind).toBe('found');
});

test('a reply cut in the middle of a record is a truncated one all the same (RFC 2181, 9)', async () => {
  const up = await upstream();
  up.set('cut.example.net', { A: ['203.0.113.1', '203.0.113.2'] });
  up.rewrite = (reply, _query, transport) => {
    if (transport === 'tcp') return reply;
    reply[2]! |= 0x02;
    return reply.subarray(0, reply.length - 17);
  };
  expect((await resolver([up.endpoint]).look('cut.example.net.', 'A')).outcome.kind).toBe('found');
});

test('TCP that never answers has the same deadline', async () => {
  const up = await upstream();
  up.deafOverTcp = true;
  up.fail('flag.example.net', 'truncate');
  const look = await resolver([up.endpoint], { timeoutMs: 50, tries: 1 }).look('flag.example.net.', 'A');
  expect(look.outcome).toMatchObject({ kind: 'failed', reason: 'timeout' });
  expect(look.outcome).toHaveProperty('detail', expect.stringContaining('over TCP'));
});

test('the largest answers are taken, and the set is capped at its lowest addresses', async () => {
  const up = await upstream();
  const addresses = Array.from({ length: 4000 }, (_, index) => `198.18.${index >> 8}.${index & 255}`);
  up.set('huge.example.net', { A: addresses });
  up.rotate = true;
  const stub = resolver([up.endpoint], { timeoutMs: 5_000 });
  const first = (await stub.look('huge.example.net.', 'A')).outcome;
  expect(first).toHaveProperty('addresses', [...addresses].sort().slice(0, 1000));
  expect((await stub.look('huge.example.net.', 'A')).outcome).toEqual(first);
});

test('each question has another case and another id', async () => {
  const up = await upstream();
  up.set('a-rather-long-name-for-the-case.example.net', { A: ['203.0.113.1'] });
  const spellings = new Set<string>();
  const ids = new Set<number>();
  up.onQuery = (query) => {
    spellings.add(query.questions[0]!.name.toString('latin1'));
    ids.add(query.id);
  };
  const stub = resolver([up.endpoint]);
  for (let look = 0; look < 20; look++) await stub.look('a-rather-long-name-for-the-case.example.net.', 'A');
  expect(spellings.size).toBeGreaterThan(15);
  expect(ids.size).toBeGreaterThan(15);
});

test('an upstream that loses the case is recognised over TCP, once', async () => {
  const up = await upstream();
  up.losesCase = true;
  up.set('cdn.example.net', { A: ['203.0.113.1'] });
  const stub = resolver([up.endpoint]);
  for (let look = 0; look < 5; look++) {
    expect((await stub.look('cdn.example.net.', 'A')).outcome.kind).toBe('found');
  }
  expect(up.byTransport).toEqual({ udp: 5, tcp: 1 });
});

test('a forger who guesses port and id but not the case gets nothing in', async () => {
  const up = await upstream();
  up.set('cdn.example.net', { A: ['203.0.113.1'] });
  up.rewrite = (reply, query, transport) => {
    if (transport === 'tcp') return reply;
    const question = query.questions[0]!;
    const name = absoluteName('cdn.example.net');
    const wire = Buffer.concat([name, question.wire.subarray(name.length)]);
    const rdata = parseRdata(TYPE.A, '192.0.2.66');
    const forged = { rcode: 0, answers: [{ name, type: TYPE.A, ttl: 9, rdata }], negative: false };
    return encodeUpstreamReply({ ...query, questions: [{ ...question, name, wire }] }, forged, 'udp');
  };
  const stub = resolver([up.endpoint]);
  for (let look = 0; look < 5; look++) {
    expect((await stub.look('cdn.example.net.', 'A')).outcome).toHaveProperty('addresses', ['203.0.113.1']);
  }
});

test('an upstream that loses the case and has no TCP is believed without it after three doubts', async () => {
  const up = await upstream();
  Object.assign(up, { losesCase: true, deafOverTcp: true });
  up.set('cdn.example.net', { A: ['203.0.113.1'] });
  const stub = resolver([up.endpoint], { timeoutMs: 50, tries: 4 });
  expect((await stub.look('cdn.example.net.', 'A')).outcome.kind).toBe('found');
});

test('RFC 6891, 7: a server that does not know OPT is asked without it from then on', async () => {
  const up = await upstream();
  up.refusesEdns = true;
  up.set('cdn.example.net', { A: ['203.0.113.1'] });
  const stub = resolver([up.endpoint]);
  expect((await stub.look('cdn.example.net.', 'A')).outcome.kind).toBe('found');
  expect((await stub.look('cdn.example.net.', 'A')).outcome.kind).toBe('found');
  expect(up.byTransport.udp).toBe(3);
});

test('several thousand looks at once all get their own answer', async () => {
  const up = await upstream();
  for (let index = 0; index < 3000; index++) {
    up.set(`t${index}.example.net`, { A: [`198.18.${index >> 8}.${index & 255}`] });
  }
  const stub = resolver([up.endpoint], { timeoutMs: 2_000 });
  const looks = await Promise.all(
    Array.from({ length: 3000 }, (_, i) => stub.look(`t${i}.example.net.`, 'A')),
  );
  looks.forEach((look, index) => {
    expect(look.outcome).toHaveProperty('addresses', [`198.18.${index >> 8}.${index & 255}`]);
  });
});

test('an aborted look and a closed resolver reject, and leave nothing waiting', async () => {
  const deaf = await deafEndpoint();
  const stub = resolver([deaf], { timeoutMs: 60_000 });
  const controller = new AbortController();
  const aborted = stub.look('cdn.example.net.', 'A', { signal: controller.signal });
  setTimeout(() => controller.abort(new Error('enough')), 20);
  await expect(aborted).rejects.toThrow('enough');
  const waiting = stub.look('cdn.example.net.', 'A');
  const rejected = expect(waiting).rejects.toThrow('the resolver is closed');
  setTimeout(() => void stub.close(), 20);
  await rejected;
  await stub.close();
  await expect(stub.look('cdn.example.net.', 'A')).rejects.toThrow('the resolver is closed');
});

test('an upstream that is too slow for what it is asked is relieved by the next, and slows nobody else', async () => {
  const [slow, fast] = [await upstream(), await upstream()];
  for (let index = 0; index < 60; index++)
    for (const each of [slow, fast]) each.set(`t${index}.example.net`, { A: ['203.0.113.1'] });
  slow.delay(150);
  const stub = new Resolver({
    servers: [slow.endpoint, fast.endpoint],
    timeoutMs: 2_000,
    tries: 2,
    concurrency: 2,
    clock: systemClock,
  });
  open.unshift(stub);
  for (let index = 0; index < 20; index++) await stub.look('t0.example.net.', 'A');
  const looks = await Promise.all(
    Array.from({ length: 60 }, (_, index) => stub.look(`t${index}.example.net.`, 'A')),
  );
  expect(looks.every(({ outcome }) => outcome.kind === 'found')).toBe(true);
  expect(
    looks.filter(({ resolver: text }) => text.endsWith(`:${fast.endpoint.port}`)).length,
  ).toBeGreaterThan(20);
});

test('questions under way, and those of a second, are bounded for each upstream', async () => {
  const up = await upstream();
  up.set('cdn.example.net', { A: ['203.0.113.1'] });
  up.delay(20);
  let [underWay, most] = [0, 0];
  up.onQuery = () => {
    most = Math.max(most, ++underWay);
    setTimeout(() => underWay--, 18);
  };
  const options = { servers: [up.endpoint], timeoutMs: 5_000, tries: 1, clock: systemClock };
  const narrow = new Resolver({ ...options, concurrency: 3 });
  open.unshift(narrow);
  await Promise.all(Array.from({ length: 30 }, () => narrow.look('cdn.example.net.', 'A')));
  expect(most).toBeLessThanOrEqual(3);
  const measured = new Resolver({ ...options, rate: 100 });
  open.unshift(measured);
  const begun = performance.now();
  await Promise.all(Array.from({ length: 40 }, () => measured.look('cdn.example.net.', 'A')));
  // 40 at 100 a second, but for those that may go at once
  expect(performance.now() - begun).toBeGreaterThan(300);
});

test('an upstream that refuses us stands behind the others', async () => {
  const [closed, fine] = [await upstream(), await upstream()];
  fine.set('cdn.example.net', { A: ['203.0.113.1'] });
  closed.fail('cdn.example.net', 'refused');
  const stub = resolver([closed.endpoint, fine.endpoint]);
  for (let look = 0; look < 8; look++)
    expect((await stub.look('cdn.example.net.', 'A')).outcome.kind).toBe('found');
  expect(closed.count()).toBe(3);
});
