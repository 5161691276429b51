import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { networkOf, RateLimit } from '../../src/http/rate-limit.ts';
import { asker } from '../http/support.ts';
import { type House, openHouse } from '../support/house.ts';

const TOKEN = 'a-token-for-abuse-0123456789';
const AUTH = { authorization: `Bearer ${TOKEN}` };
const RATE = 5;
const CONNECTIONS = 10;

let house: House;
let narrow: House;
beforeAll(async () => {
  house = await openHouse({ API_TOKEN: TOKEN, API_RATE: '0' });
  narrow = await openHouse(
    { API_TOKEN: TOKEN, API_RATE: String(RATE), HTTP_CONNECTIONS: String(CONNECTIONS) },
    ['api'],
  );
});
afterAll(async () => {
  await house?.close();
  await narrow?.close();
});

describe('bodies', () => {
  const post = (body: string, headers = {}) => asker(house.http, AUTH)('POST', '/v1/zones', body, headers);

  test.each([
    ['over 1 MiB', (): string => `{"name":"${'x'.repeat(1024 * 1024)}"}`, 413],
    ['100,000 arrays deep', (): string => '['.repeat(100_000) + ']'.repeat(100_000), 400],
    ['100,000 objects deep', (): string => '{"name":'.repeat(100_000) + '1' + '}'.repeat(100_000), 400],
    [
      'of 60,000 keys',
      (): string =>
        JSON.stringify(Object.fromEntries(Array.from({ length: 60_000 }, (_, n) => [`k${n}`, n]))),
      400,
    ],
    ['with __proto__', (): string => '{"name":"a.example","__proto__":{"polluted":true}}', 400],
    [
      'with constructor.prototype',
      (): string => '{"name":"a.example","constructor":{"prototype":{"polluted":true}}}',
      400,
    ],
    ['that is no JSON', (): string => '{', 400],
    ['of one number with a million digits', (): string => '9'.repeat(1_000_000), 400],
  ] as const)('a body %s is refused', async (_what, body, status) => {
    const answer = await post(body());
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ status: 'error', error: { code: expect.any(String) } });
    expect(answer.text.length).toBeLessThan(2_000);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test('compressed ones are not unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, ' '));
    const answer = await post(bomb.toString('latin1'), { 'content-encoding': 'gzip' });
    expect(answer.status).toBe(400);
  });

  test('chunks without end are cut at 1 MiB', async () => {
    const { socket, answer } = open(house);
    socket.write(
      `POST /v1/zones HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
    const pour = () => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on('drain', pour);
    pour();
    expect(await answer).toMatch(/^HTTP\/1.1 413/);
    socket.destroy();
  });
});

test('whatever JSON comes to whatever route, nothing breaks', { timeout: 90_000 }, async () => {
  const ask = asker(house.http, AUTH);
  await house.zone('fuzzed.example.', [['fuzzed.example.', 'A', '192.0.2.1']]);
  const { body: document } = await asker(house.http)('GET', '/docs/json');
  const routes = Object.entries(
    document.paths as Record<string, Record<string, { requestBody?: object }>>,
  ).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { requestBody }]) => requestBody !== undefined)
      .map(
        ([method]) =>
          [
            method.toUpperCase(),
            path.replaceAll(/\{zone\}/g, 'fuzzed.example.').replaceAll(/\{\w+\}/g, '1'),
          ] as const,
      ),
  );
  expect(routes.length).toBeGreaterThan(8);
  const fields = [
    'name',
    'type',
    'content',
    'ttl',
    'disabled',
    'zones',
    'force',
    'addresses',
    'primaryNs',
    'contact',
    'secret',
    'algorithm',
    'keys',
    'fallback',
    'answers',
    'serial',
    'catalog',
  ];
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(
      '@',
      'A',
      'ALIAS',
      '192.0.2.1',
      'a.example.',
      '\u0000',
      '\ud800',
      '1e400',
      -1,
      1e300,
      2 ** 53,
      '%',
      "' or 1=1 --",
    ),
    fc.string({ unit: 'binary' }),
  );
  const body = fc.oneof(fc.dictionary(fc.constantFrom(...fields), value), fc.jsonValue());
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...routes), body, async ([method, path], data) => {
      const answer = await ask(method, path, JSON.stringify(data));
      // 503: what a queue or a plan has no room for just now
      expect([answer.status, method, path, data, answer.text]).toEqual([
        expect.toSatisfy((status: number) => status < 500 || status === 503),
        method,
        path,
        data,
        answer.text,
      ]);
    }),
    { numRuns: 300 },
  );
});

describe('other sites', () => {
  test('no CORS: nothing lets a page elsewhere read an answer, or ask beforehand', async () => {
    const ask = asker(house.http);
    for (const [method, path, headers] of [
      ['GET', '/healthz', {}],
      ['GET', '/v1/zones', AUTH],
      ['OPTIONS', '/v1/zones', { 'access-control-request-method': 'POST' }],
      ['OPTIONS', '/v1/zones', { 'access-control-request-method': 'POST', ...AUTH }],
    ] as const) {
      const answer = await ask(method, path, undefined, { origin: 'https://evil.example', ...headers });
      const names = Object.keys(answer.headers).filter((name) => name.startsWith('access-control'));
      expect([method, path, names]).toEqual([method, path, []]);
      if (method === 'OPTIONS') expect(answer.status).toBeGreaterThanOrEqual(400);
    }
  });

  test('every answer has the headers that keep browsers in bounds, errors too', async () => {
    for (const [path, headers] of [
      ['/', {}],
      ['/docs', {}],
      ['/queues', {}],
      ['/v1/zones', AUTH],
      ['/v1/zones', {}],
      ['/nowhere', AUTH],
    ] as const) {
      const answer = await asker(house.http)('GET', path, undefined, headers);
      expect(answer.headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
      });
    }
  });
});

describe('rates', () => {
  test('who asks too often gets 429 with the time to wait; others do not', async () => {
    const ask = asker(narrow.http, AUTH);
    const answers: Awaited<ReturnType<typeof ask>>[] = [];
    while (answers.filter(({ status }) => status === 429).length < 5 && answers.length < 5_000)
      answers.push(await ask('GET', '/v1/keys'));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(RATE * 10);
    for (const { headers, body } of refused) {
      expect(Number(headers['retry-after'])).toBeGreaterThan(0);
      expect(body).toMatchObject({
        status: 'error',
        error: { message: expect.stringContaining('API_RATE') },
      });
    }
    expect((await asker(narrow.http)('GET', '/readyz')).status, 'without the token: by the address').toBe(
      200,
    );
    expect((await ask('GET', '/healthz')).status).toBe(200);
  });

  test('no token, no data, and in the end no more answers', async () => {
    const ask = asker(narrow.http);
    const statuses = new Set<number>();
    for (let count = 0; count < RATE * 10 + 20; count++) statuses.add((await ask('GET', '/v1/zones')).status);
    expect([...statuses].sort()).toEqual([401, 429]);
  });

  test('refill, one caller beside the other, and memory', () => {
    let now = 0;
    const limit = new RateLimit(2, { now: () => now });
    const taken = (caller: string) => {
      for (let count = 0; ; count++)
        try {
          limit.take(caller);
        } catch {
          return count;
        }
    };
    expect(taken('a')).toBe(20);
    expect(taken('b')).toBe(20);
    now = 1_000;
    expect(taken('a')).toBe(2);
    now = -50_000;
    expect(taken('a'), 'a clock that goes back gives nothing').toBe(0);
    for (let count = 0; count < 30_000; count++) limit.take(`c${count}`);
  });

  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('%s counts as %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

test('connections that only rest make room for those that ask', async () => {
  const crowd = Array.from({ length: 5 * CONNECTIONS }, () => open(narrow).socket);
  for (const socket of crowd) socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n');
  for (let count = 0; count < 5; count++)
    expect((await asker(narrow.http)('GET', '/healthz')).status).toBe(200);
  for (const socket of crowd) socket.destroy();
});

test('a request whose head does not end is given up', { timeout: 90_000 }, async () => {
  const { socket, answer } = open(house);
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n');
  const drip = setInterval(() => socket.write('X-More: 1\r\n'), 500);
  try {
    expect(await answer).toMatch(/^HTTP\/1.1 408/);
  } finally {
    clearInterval(drip);
    socket.destroy();
  }
});

/** A bare connection, and what comes first on it. */
function open({ http }: House): { socket: Socket; answer: Promise<string> } {
  const socket = connect(Number(new URL(http).port), '127.0.0.1');
  socket.on('error', () => {});
  const answer = new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(chunk.toString())));
  return { socket, answer };
}
