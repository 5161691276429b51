import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { asker } from '../http/support.ts';
import { type House, openHouse } from '../support/house.ts';
import { redisInstalled, TestRedis } from '../support/redis.ts';
import { type RawAnswer, sendRaw } from './raw-http.ts';

const TOKEN = 'a-token-for-abuse-0123456789';
const AUTH = { authorization: `Bearer ${TOKEN}` };
const HOST = 'Host: 127.0.0.1\r\n';
const BEARER = `Authorization: Bearer ${TOKEN}\r\n`;
const BODY = '{"name":"x"}';
/** What a smuggler would have answered behind the first request. */
const SECOND = `GET /v1/zones HTTP/1.1\r\n${HOST}${BEARER}\r\n`;
const SECRET_NAME = 'hidden-from-strangers.example.';

let house: House;
beforeAll(async () => {
  house = await openHouse({ API_TOKEN: TOKEN, API_RATE: '0' }, ['api']);
  await house.zone(SECRET_NAME);
});
afterAll(() => house?.close());
afterEach(async () => {
  expect((await asker(house.http)('GET', '/healthz')).status).toBe(200);
  expect(house.entries.filter(({ message }) => message === 'a request failed')).toEqual([]);
});

const send = (text: string) => sendRaw(house.http, text);
const post = (headers: string, body: string) =>
  `POST /v1/zones HTTP/1.1\r\n${HOST}${BEARER}Content-Type: application/json\r\n${headers}\r\n${body}`;
const get = (target: string, headers = '') => `GET ${target} HTTP/1.1\r\n${HOST}${headers}\r\n`;

/** One line in the form of every error, with the headers of every answer, and nothing that a stranger may not see. */
function expectError(answer: RawAnswer | undefined, ...statuses: number[]): void {
  expect(statuses).toContain(answer?.status);
  expect(JSON.parse(answer?.body ?? '')).toEqual({
    status: 'error',
    error: {
      code: expect.stringMatching(/^[a-z_]+$/),
      message: expect.stringMatching(/^[^\p{Cc}]{1,2000}$/u),
    },
  });
  expect(answer?.head).toMatch(/^x-content-type-options: nosniff$/im);
  expect(answer?.head).toMatch(/^content-security-policy: default-src 'none'/im);
  expect(answer?.body).not.toContain(SECRET_NAME);
}

describe('requests that two could read differently are refused, and nothing behind them is read', () => {
  const chunked = '0\r\n\r\n';
  test.each([
    ['a length and chunks', post('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', chunked)],
    ['chunks and a length', post('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', chunked)],
    ['two lengths', post('Content-Length: 4\r\nContent-Length: 12\r\n', BODY)],
    ['one length twice', post('Content-Length: 12\r\nContent-Length: 12\r\n', BODY)],
    ['a list of lengths', post('Content-Length: 12, 12\r\n', BODY)],
    ['a length with a sign', post('Content-Length: +12\r\n', BODY)],
    ['a negative length', post('Content-Length: -1\r\n', BODY)],
    ['a length past all numbers', post('Content-Length: 99999999999999999999999\r\n', BODY)],
    ['a length that ends early', post('Content-Length: 5\r\n', BODY)],
    ['a coding that looks like chunks', post('Transfer-Encoding: xchunked\r\n', chunked)],
    ['identity', post('Transfer-Encoding: identity\r\n', chunked)],
    ['chunks not last', post('Transfer-Encoding: chunked, identity\r\n', chunked)],
    ['two codings', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', chunked)],
    ['a coding of HTTP/1.0', post('', '').replace('HTTP/1.1\r\n', 'HTTP/3.0\r\n')],
    ['a blank before the colon', post('Transfer-Encoding : chunked\r\n', chunked)],
    ['a folded header', get('/v1/zones', `${BEARER}X-A: a\r\n b\r\n`)],
    ['a folded coding', post('Transfer-Encoding:\r\n chunked\r\n', chunked)],
    ['bare LF everywhere', `GET /v1/zones HTTP/1.1\nHost: x\n${BEARER.trim()}\n\n`],
    ['bare LF once', `GET /v1/zones HTTP/1.1\r\nHost: x\n${BEARER}\r\n`],
    ['bare CR', get('/v1/zones', `X: a\rY: b\r\n${BEARER}`)],
    ['NUL in a header', get('/v1/zones', `X: a\0b\r\n${BEARER}`)],
    ['a chunk of no number', post('Transfer-Encoding: chunked\r\n', `zz\r\n${BODY}\r\n${chunked}`)],
    ['a chunk in 0x', post('Transfer-Encoding: chunked\r\n', `0x0c\r\n${BODY}\r\n${chunked}`)],
    ['chunks with bare LF', post('Transfer-Encoding: chunked\r\n', `c\n${BODY}\n0\n\n`)],
    [
      'a chunk extension of 20,000 octets',
      post('Transfer-Encoding: chunked\r\n', `c;${'x'.repeat(20_000)}\r\n${BODY}\r\n${chunked}`),
    ],
    [
      'a length among the trailers',
      post('Transfer-Encoding: chunked\r\n', `c\r\n${BODY}\r\n0\r\nContent-Length: 3\r\n\r\n`),
    ],
    ['two hosts', get('/v1/zones', `Host: evil.example\r\n${BEARER}`)],
    ['no host', `GET /v1/zones HTTP/1.1\r\n${BEARER}\r\n`],
    ['an unknown method', `FOO / HTTP/1.1\r\n${HOST}${BEARER}\r\n`],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['an authority as target', get('evil.example:80', BEARER)],
    ['octets above 127 as target', get('/v1/zones/\xc3\xa9\x9b', BEARER)],
    ['a TLS handshake', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ])('%s', async (what, text) => {
    const [first, ...more] = await send(text + (what.includes('host') ? '' : SECOND));
    expectError(first, 400);
    for (const answer of more) expectError(answer, 400);
  });

  test('of two Authorization headers the first counts alone', async () => {
    const [answer] = await send(get('/v1/zones', `Authorization: Bearer x\r\n${BEARER}`));
    expectError(answer, 401);
  });

  test('trailers are read and not believed', async () => {
    const [answer] = await send(
      `POST /v1/zones HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\nc\r\n${BODY}\r\n0\r\n${BEARER}\r\n`,
    );
    expectError(answer, 401);
  });
});

describe('targets, methods and protocols', () => {
  test('CONNECT is closed without an answer', async () => {
    expect(await send(`CONNECT evil.example:80 HTTP/1.1\r\n${HOST}${BEARER}\r\n`)).toEqual([]);
  });

  test.each([
    ['websocket', 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'],
    ['h2c', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n'],
  ])('no upgrade to %s: it is an ordinary request, which takes the token', async (_what, headers) => {
    expectError((await send(get('/v1/zones', headers)))[0], 401);
    expect((await send(get('/v1/zones', headers + BEARER)))[0]?.status).toBe(200);
  });

  test.each([
    'http://evil.example/v1/zones',
    'http://x?/../docs/x/v1/zones',
    'http://127.0.0.1/healthz/../v1/zones',
    '*',
    '/#/v1/zones',
    '/docs#/v1/zones/../../v1/zones',
    '/healthz;/v1/zones',
    '/v1/zones?x=/healthz',
    '//v1/zones',
    '/v1//zones',
    '/healthz/../v1/zones',
    '/%76%31/zones',
  ])('%s shows a stranger nothing', async (target) => {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      const [answer] = await send(`${method} ${target} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
      if (method === 'HEAD') expect(answer?.status).toBeGreaterThanOrEqual(400);
      else expectError(answer, 400, 401, 404);
    }
  });

  test('TRACE gives nothing back of what was sent, nor does OPTIONS say what there is', async () => {
    for (const method of ['TRACE', 'OPTIONS']) {
      const [answer] = await send(`${method} / HTTP/1.1\r\n${HOST}${BEARER}Cookie: a=secret\r\n\r\n`);
      expectError(answer, 404);
      expect(answer?.head).not.toMatch(/^allow/im);
      expect(answer?.body).not.toMatch(/secret|Bearer/);
    }
  });

  test.each([
    ['a path of 20,000 octets', get(`/${'a'.repeat(20_000)}`), 431],
    ['a header of 20,000 octets', get('/', `X: ${'a'.repeat(20_000)}\r\n`), 431],
    ['5,000 headers', get('/', 'X:\r\n'.repeat(5_000)), 431],
    [
      'trailers of 20,000 octets',
      post('Transfer-Encoding: chunked\r\n', `c\r\n${BODY}\r\n0\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`),
      431,
    ],
    ['a name of 2,000 octets', get(`/v1/zones/${'a'.repeat(2_000)}`), 414],
    ['a path that is not UTF-8', get('/v1/zones/%ff"<script>'), 400],
    ['an overlong dot', get('/docs/static/%c0%ae%c0%ae/package.json'), 400],
    ['half an escape', get('/v1/zones/%z'), 400],
  ])('%s is refused', async (_what, text, status) => {
    const [answer] = await send(text);
    expectError(answer, status);
    expect(answer?.body).not.toContain('<');
  });

  test('900 headers are read', async () => {
    const many = Array.from({ length: 900 }, (_, n) => `X${n}: 1\r\n`).join('');
    expect((await send(get('/v1/zones', many + BEARER)))[0]?.status).toBe(200);
  });
});

describe('files', () => {
  const ways = ['../', '..%2f', '%2e%2e/', '%252e%252e%252f', '..%5c', '..\\', '.%00./', '..;/', '%2e%2e%5c'];
  test.each(['/docs/static', '/page', '/queues/static', '/docs', '/queues', ''])(
    'no way out of %s',
    async (folder) => {
      const paths = ways.flatMap((way) => [
        `${folder}/${way.repeat(2)}package.json`,
        `${folder}/${way.repeat(12)}etc/passwd`,
      ]);
      for (const path of [
        ...paths,
        `${folder}//etc/passwd`,
        `${folder}/%00`,
        `${folder}/x%00.css`,
        `${folder}/.`,
      ]) {
        const answers = await send(get(path, `${BEARER}Connection: close\r\n`));
        expect([path, answers[0]?.status]).toEqual([
          path,
          expect.toSatisfy((status) => status === 400 || status === 404),
        ]);
        expectError(
          {
            ...answers[0],
            head: `${answers[0]?.head}\r\ncontent-security-policy: default-src 'none'`,
          } as RawAnswer,
          400,
          404,
        );
      }
    },
  );

  test('ranges that are none, and thousands of them', async () => {
    const file = '/docs/static/swagger-ui.css';
    const [none] = await send(get(file, 'Range: bytes=99999999-\r\n'));
    expect(none?.status).toBe(400);
    expect(JSON.parse(none?.body ?? '').error.message).toMatch(/^range: /);
    const [many] = await send(get(file, `Range: bytes=${'0-0,'.repeat(3_000)}1-1\r\nConnection: close\r\n`));
    expect(many?.status).toBeLessThan(400);
  });
});

describe('what texts hold', () => {
  const ask = (method: string, path: string, body?: unknown) => asker(house.http, AUTH)(method, path, body);

  test.each([
    ['POST', '/v1/secondaries', '{"name":"a\\u0000","addresses":["127.0.0.1"]}', 'name'],
    ['POST', '/v1/secondaries', '{"name":"a","addresses":["127.0.0.1\\u0000"]}', 'addresses.0'],
    ['POST', '/v1/zones', '{"name":"b.example","primaryNs":"a.","contact":"a\\u0000@b.c"}', 'contact'],
    ['POST', '/v1/keys', '{"name":"k","secret":"\\u0000"}', 'secret'],
    ['POST', '/v1/keys', '{"name":"k","minMacBits":1e300}', 'minMacBits'],
    ['POST', '/v1/resyncs', '{"reason":"a\\u0000b"}', 'reason'],
    ['POST', '/v1/resyncs', '{"reason":"\\ud800"}', 'reason'],
    ['POST', '/v1/resyncs', '{"zones":["a\\u0000"]}', 'zones.0'],
    ['POST', '/v1/notifications', '{"zones":["a\\u0000"]}', 'zones.0'],
    ['GET', '/v1/zones?search=%00', undefined, 'search'],
    ['GET', '/v1/zones?after=a%00', undefined, 'after'],
    ['GET', '/v1/zones/a%00b', undefined, 'zone'],
    ['GET', '/v1/jobs/%00', undefined, 'id'],
    ['GET', `/v1/zones/${SECRET_NAME}/records?after=bnVsbA`, undefined, 'after'],
    ['GET', '/v1/zones?limit=1&limit=2', undefined, 'limit'],
    ['GET', '/v1/zones?search=a&search=b&search[]=c&__proto__=d&constructor=e', undefined, 'search'],
    ['GET', '/v1/zones?limit=999999999', undefined, 'limit'],
    ['GET', '/v1/guards/__proto__/zones', undefined, 'guard'],
  ] as const)('%s %s %s is refused, and names %s', async (method, path, body, field) => {
    const answer = await ask(method, path, body);
    expect([400, 422]).toContain(answer.status);
    expect(answer.body.error.message).toMatch(new RegExp(`^${field}: [^\\p{Cc}]+$`, 'u'));
  });

  test.each([
    ['/v1/zones/a%0ab%1b[2J'],
    ['/v1/zones/a%5c999b'],
    ['/v1/zones/%5c'],
    ['/v1/zones/..'],
    ['/v1/zones/a%e2%80%aeb'],
    ['/v1/secondaries/%00'],
    ['/v1/keys/%0d%0aX:y'],
    ['/v1/jobs/__proto__'],
    ['/v1/zones/99999999999999999999'],
    [`/v1/zones/${SECRET_NAME}/records/99999999999999999999`],
  ])('%s is not there, in one line', async (path) => {
    const answer = await ask('GET', path);
    expect(answer.status).toBe(404);
    expect(answer.body.error.message).toMatch(/^[^\p{Cc}\u2028-\u202e]+$/u);
  });

  test('of a key that stands twice the last counts, as everywhere in JSON', async () => {
    const answer = await ask(
      'POST',
      '/v1/zones',
      '{"name":"one.example","name":"two.example","primaryNs":"ns.example.","contact":"a@two.example"}',
    );
    expect(answer.body.data.zone.name).toBe('two.example.');
  });

  test.each([
    '',
    ';;;',
    'application/json, text/plain',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
  ])('a body of the type "%s" is not read', async (type) => {
    const [answer] = await send(
      `POST /v1/zones HTTP/1.1\r\n${HOST}${BEARER}Content-Type: ${type}\r\nContent-Length: 12\r\n\r\n${BODY}`,
    );
    expectError(answer, 400);
    expect(answer?.body).toContain('content-type: ');
  });

  test.each(['PATCH', 'POST', 'DELETE'])('%s without a body breaks nothing', async (method) => {
    for (const path of ['/v1/zones', '/v1/zones/nowhere.example', '/v1/resyncs/plan', '/v1/keys/1'])
      expect((await ask(method, path)).status).toBeLessThan(500);
  });
});

describe("the queue's board", () => {
  let others: [what: string, house: House][];
  let redis: TestRedis | undefined;
  beforeAll(async () => {
    others = [['PostgreSQL', house]];
    if (!redisInstalled && process.env.CI !== 'true') return;
    redis = await TestRedis.start();
    others.push([
      'Redis',
      await openHouse({ API_TOKEN: TOKEN, API_RATE: '0', REDIS_URL: redis.url }, ['api']),
    ]);
  });
  afterAll(async () => {
    await others?.[1]?.[1].close();
    await redis?.stop();
  });

  test('what is no job in Redis passes for none, and is not removed', async () => {
    for (const [what, { http }] of others) {
      const ask = asker(http, AUTH);
      const { id } = (await ask('POST', '/v1/resyncs', { reason: 'to be there' })).body.data.job;
      for (const name of ['meta', 'id', 'wait', 'completed', 'events', 'marker', `${id}:lock`])
        for (const [method, path] of [
          ['GET', `/v1/jobs/${name}`],
          ['DELETE', `/v1/jobs/${name}`],
          ['POST', `/v1/jobs/${name}/retry`],
          ['GET', `/queues/api/queues/resync/${name}`],
          ['PUT', `/queues/api/queues/resync/${name}/clean`],
        ] as const)
          expect([what, method, path, (await ask(method, path)).status]).toEqual([what, method, path, 404]);
      expect((await ask('GET', `/v1/jobs/${id}`)).status).toBe(200);
      expect((await ask('GET', `/queues/api/queues/resync/${id}`)).status).toBe(200);
      const next = (await ask('POST', '/v1/resyncs', {})).body.data.job;
      expect(Number(next.id), 'ids go on').toBeGreaterThan(Number(id));
    }
  });

  test('what it can not read is refused in the form of every error, without what the database said', async () => {
    for (const [, { http }] of others) {
      const ask = asker(http, AUTH);
      for (const [method, path, body] of [
        ['GET', '/queues/api/queues?activeQueue=%25', undefined],
        ['GET', '/queues/api/queues/resync/%00', undefined],
        ['GET', '/queues/api/queues/resync/%00/logs', undefined],
        ['GET', '/queues/static/%2e%2e/package.json', undefined],
      ] as const) {
        const answer = await ask(method, path, body);
        expect([path, answer.status]).toEqual([
          path,
          expect.toSatisfy((status) => status >= 400 && status < 500),
        ]);
        expect(answer.body).toEqual({
          status: 'error',
          error: { code: expect.any(String), message: expect.not.stringMatching(/encoding|byte sequence/) },
        });
      }
    }
    const answer = await asker(house.http, AUTH)(
      'POST',
      '/queues/api/queues/resync/add',
      '{"name":"x","data":{"a":"\\u0000"},"options":{}}',
    );
    expect(answer).toMatchObject({
      status: 422,
      body: { error: { message: expect.stringMatching(/^data\.a: /) } },
    });
  });
});
