import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asker } from '../http/support.ts';
import { type House, openHouse } from '../support/house.ts';

const TOKEN = 'a-token-for-abuse-0123456789';
const AUTH = { authorization: `Bearer ${TOKEN}` };

let house: House;
beforeAll(async () => {
  house = await openHouse({ API_TOKEN: TOKEN, API_RATE: '0' });
});
afterAll(() => house?.close());

describe('bodies', () => {
  const post = (body: string, headers = {}) => asker(house.http, AUTH)('POST', '/v1/zones', body, headers);

  test.each([
    ['over 1 MiB', (): string => `{"name":"${'x'.repeat(1024 * 1024)}"}`, 413],
    ['100,000 arrays deep', (): string => '['.repeat(100_000) + ']'.repeat(100_000), 400],
    ['100,000 objects deep', (): string => `${'{"name":'.repeat(100_000)}1${'}'.repeat(100_000)}`, 400],
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
