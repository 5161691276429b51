import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Family, Look } from '../../src/resolve/outcome.ts';
import { Resolver } from '../../src/resolve/resolver.ts';
import { plainAnswer } from '../../src/zone/alias/steady.ts';
import { type Failure, Upstream } from '../support/upstream.ts';

const NAME = 'cdn.example.net.';
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0)) await thing.close();
});

async function upstream(answer: Parameters<Upstream['set']>[1] | Failure): Promise<Upstream> {
  const started = await Upstream.start();
  if (typeof answer === 'string') started.fail(NAME, answer);
  else started.set(NAME, answer);
  open.push(started);
  return started;
}

function resolver(servers: Upstream[], timeoutMs = 300): Resolver {
  const made = new Resolver({
    servers: servers.map(({ endpoint }) => endpoint),
    timeoutMs,
    tries: 2,
    clock: systemClock,
  });
  open.unshift(made);
  return made;
}

const textOf = ({ endpoint }: Upstream) => `127.0.0.1:${endpoint.port}`;

/** What is told of each family: the TTL of what was expected, or the look that came instead. */
async function confirm(
  stub: Resolver,
  expected: { a?: string; aaaa?: string },
  options: { signal?: AbortSignal } = {},
): Promise<Record<Family, number | Look>> {
  const both = { A: Promise.withResolvers<number | Look>(), AAAA: Promise.withResolvers<number | Look>() };
  stub.confirm(
    {
      target: NAME,
      a: expected.a,
      aaaa: expected.aaaa,
      confirmed: (family, ttl) => both[family].resolve(ttl),
      unlike: (family, look) => both[family].resolve(look),
    },
    options,
  );
  const [A, AAAA] = await Promise.all([both.A.promise, both.AAAA.promise]);
  return { A, AAAA };
}

test('an answer that is as expected is told by its TTL alone, whatever the order of its addresses', async () => {
  const up = await upstream({ A: ['203.0.113.9', '203.0.113.10'], AAAA: ['2001:db8::1'], ttl: 77 });
  const a = plainAnswer(textOf(up), '203.0.113.10,203.0.113.9', false);
  const aaaa = plainAnswer(textOf(up), '2001:db8::1', false);
  expect(await confirm(resolver([up]), { a, aaaa })).toEqual({ A: 77, AAAA: 77 });
});

test.each<[string, Parameters<typeof upstream>[0], { kind: string }]>([
  ['another address', { A: ['203.0.113.2'], ttl: 77 }, { kind: 'found' }],
  ['one more', { A: ['203.0.113.1', '203.0.113.2'], ttl: 77 }, { kind: 'found' }],
  ['a failure', 'servfail', { kind: 'failed' }],
  ['a denial', 'nxdomain', { kind: 'nxdomain' }],
  ['a reply to another question', 'wrong-question', { kind: 'failed' }],
  ['one that is cut', 'truncate', { kind: 'nxdomain' }],
])('%s comes as a look, and is asked for once where it is an answer', async (_, answer, outcome) => {
  const up = await upstream(answer);
  let questions = 0;
  up.onQuery = () => questions++;
  const a = plainAnswer(textOf(up), '203.0.113.1', false);
  const got = await confirm(resolver([up]), { a, aaaa: a });
  expect(got.A).toMatchObject({ target: NAME, family: 'A', resolver: textOf(up), outcome });
  if (outcome.kind === 'found') expect(questions).toBe(2);
});

test('a family of which nothing is expected is looked up', async () => {
  const up = await upstream({ A: ['203.0.113.1'], ttl: 77 });
  const got = await confirm(resolver([up]), { a: plainAnswer(textOf(up), '203.0.113.1', false) });
  expect(got.A).toBe(77);
  expect(got.AAAA).toMatchObject({ family: 'AAAA', outcome: { kind: 'nodata' } });
});

test('the same answer of another resolver is a look: it rests on something else', async () => {
  const up = await upstream({ A: ['203.0.113.1'], AAAA: ['2001:db8::1'], ttl: 77 });
  const a = plainAnswer('192.0.2.53:53', '203.0.113.1', false);
  const got = await confirm(resolver([up]), { a, aaaa: a });
  expect(got.A).toMatchObject({ resolver: textOf(up), outcome: { kind: 'found' } });
});

test('a silent upstream is followed by the next one, and by its answer', async () => {
  const silent = await upstream('timeout');
  const up = await upstream({ A: ['203.0.113.1'], AAAA: ['2001:db8::1'], ttl: 77 });
  const a = plainAnswer(textOf(silent), '203.0.113.1', false);
  const got = await confirm(resolver([silent, up], 100), { a, aaaa: a });
  expect(got.A).toMatchObject({
    resolver: textOf(up),
    outcome: { kind: 'found', addresses: ['203.0.113.1'] },
  });
});

test('closing ends what is asked; afterwards nothing is', async () => {
  const up = await upstream('timeout');
  const a = plainAnswer(textOf(up), '203.0.113.1', false);
  const stub = resolver([up], 60_000);
  const asked = confirm(stub, { a, aaaa: a });
  asked.catch(() => {});
  await stub.close();
  await expect(asked).rejects.toThrow('closed');
  await expect(confirm(stub, { a, aaaa: a })).rejects.toThrow('closed');
});

test('no more questions are under way than may be, and all are answered', async () => {
  const up = await upstream({ A: ['203.0.113.1'], AAAA: ['2001:db8::1'], ttl: 77 });
  up.delay(5);
  let underWay = 0;
  let most = 0;
  up.onQuery = () => {
    most = Math.max(most, ++underWay);
    setTimeout(() => underWay--, 4);
  };
  const stub = new Resolver({
    servers: [up.endpoint],
    timeoutMs: 5_000,
    tries: 1,
    concurrency: 3,
    clock: systemClock,
  });
  open.unshift(stub);
  const a = plainAnswer(textOf(up), '203.0.113.1', false);
  const aaaa = plainAnswer(textOf(up), '2001:db8::1', false);
  const all = await Promise.all(Array.from({ length: 20 }, () => confirm(stub, { a, aaaa })));
  expect(all).toEqual(Array(20).fill({ A: 77, AAAA: 77 }));
  expect(most).toBeLessThanOrEqual(3);
});

test('the case of a question is drawn, and a reply in another case is no answer until TCP says so', async () => {
  const up = await upstream({ A: ['203.0.113.1'], AAAA: ['2001:db8::1'], ttl: 77 });
  up.losesCase = true;
  const names = new Set<string>();
  const transports = new Set<string>();
  up.onQuery = (query, transport) => {
    names.add(query.questions[0]?.name.toString('latin1') ?? '');
    transports.add(transport);
  };
  const a = plainAnswer(textOf(up), '203.0.113.1', false);
  const got = await confirm(resolver([up]), { a, aaaa: a });
  expect(got.A).toMatchObject({ outcome: { kind: 'found', addresses: ['203.0.113.1'] } });
  expect(names.size).toBeGreaterThan(1);
  expect(transports).toEqual(new Set(['udp', 'tcp']));
});
