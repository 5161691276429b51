import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type House, openHouse } from '../support/house.ts';
import { asker } from './support.ts';

const TOKEN = 'a-token-for-tests-0123456789';
let open: House;
let closed: House;

beforeAll(async () => {
  [open, closed] = await Promise.all([openHouse(), openHouse({ API_TOKEN: TOKEN }, ['api'])]);
});
afterAll(async () => {
  await open?.close();
  await closed?.close();
});

const PRIVATE = [
  '/v1/zones',
  '/v1/status',
  '/v1/keys',
  '/v1/jobs',
  '/metrics',
  '/queues',
  '/queues/api/queues',
  '/v1/nowhere',
  '/nowhere',
];

describe('with API_TOKEN', () => {
  test('without the token only what holds no state answers', async () => {
    const ask = asker(closed.http);
    for (const path of ['/healthz', '/readyz', '/docs', '/docs/json', '/docs/static/swagger-ui.css', '/'])
      expect([path, (await ask('GET', path)).status]).toEqual([path, 200]);
    for (const path of PRIVATE) {
      const answer = await ask('GET', path);
      expect([path, answer.status]).toEqual([path, 401]);
      expect(answer.body).toMatchObject({ status: 'error', error: { code: 'unauthorized' } });
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
    }
    for (const [method, path] of [
      ['POST', '/v1/zones'],
      ['DELETE', '/healthz'],
      ['POST', '/'],
      ['GET', '//v1/zones'],
      ['GET', '/V1/zones'],
      ['GET', '/v1%2Fzones'],
    ] as const)
      expect([method, path, (await ask(method, path)).status]).toEqual([method, path, 401]);
  });

  test('no way round by the path', async () => {
    const ask = asker(closed.http);
    for (const path of [
      '/docs/../v1/zones',
      '/docs/%2e%2e/v1/zones',
      '/page/../v1/zones',
      '/docs/..%2fv1/zones',
    ])
      expect([path, (await ask('GET', path)).text]).toEqual([path, expect.not.stringContaining('success')]);
  });

  test('the token opens it, whatever Host and Origin', async () => {
    const ask = asker(closed.http, { authorization: `Bearer ${TOKEN}` });
    expect((await ask('GET', '/v1/zones')).status).toBe(200);
    expect((await ask('GET', '/v1/zones', undefined, { host: 'dns.example' })).status).toBe(200);
    expect((await ask('GET', '/metrics')).status).toBe(200);
  });

  test('another token, scheme or place does not', async () => {
    const ask = asker(closed.http);
    for (const authorization of [
      `Bearer ${TOKEN}x`,
      `Bearer ${TOKEN.slice(1)}`,
      `Bearer ${TOKEN.slice(0, -1)}`,
      'Bearer',
      'Bearer ',
      `Basic ${TOKEN}`,
      TOKEN,
    ])
      expect([authorization, (await ask('GET', '/v1/zones', undefined, { authorization })).status]).toEqual([
        authorization,
        401,
      ]);
    expect((await ask('GET', `/v1/zones?token=${TOKEN}`)).status).toBe(401);
  });

  test('the body of who may not ask is not read', async () => {
    const ask = asker(closed.http);
    expect((await ask('POST', '/v1/zones', '{ broken')).status).toBe(401);
  });
});

describe('without API_TOKEN', () => {
  test('names of loopback are answered', async () => {
    const ask = asker(open.http);
    for (const host of ['localhost', 'localhost:8053', '127.0.0.1:1', '127.9.9.9', '[::1]:80', 'LOCALHOST'])
      expect([host, (await ask('GET', '/v1/zones', undefined, { host })).status]).toEqual([host, 200]);
  });

  test('foreign Host headers are refused, everywhere', async () => {
    const ask = asker(open.http);
    for (const host of [
      'evil.example',
      'localhost.evil.example',
      '127.0.0.1.nip.io',
      '192.0.2.1',
      'x@127.0.0.1',
    ])
      for (const path of ['/v1/zones', '/healthz', '/', '/metrics', '/queues'])
        expect([host, path, (await ask('GET', path, undefined, { host })).status]).toEqual([host, path, 403]);
  });

  test('foreign Origin headers are refused, also those of another port of this machine', async () => {
    const ask = asker(open.http);
    const own = open.http;
    for (const origin of [
      'https://evil.example',
      'null',
      'http://localhost:1',
      'http://127.0.0.1',
      `${own}.evil.example`,
      `ftp://${own.slice(7)}`,
    ])
      expect([origin, (await ask('POST', '/v1/resyncs', {}, { origin })).status]).toEqual([origin, 403]);
    expect((await ask('POST', '/v1/resyncs', {}, { origin: own })).status).toBe(202);
  });
});

describe("a page elsewhere in the operator's browser, without API_TOKEN", () => {
  const load = (site: string, mode: string, dest: string) => ({
    'sec-fetch-site': site,
    'sec-fetch-mode': mode,
    'sec-fetch-dest': dest,
  });

  test('loads no image, script or frame from here; a link leads here', async () => {
    const ask = asker(open.http);
    for (const site of ['cross-site', 'same-site']) {
      for (const headers of [
        load(site, 'no-cors', 'image'),
        load(site, 'no-cors', 'script'),
        load(site, 'navigate', 'iframe'),
        load(site, 'navigate', 'object'),
      ])
        for (const path of ['/v1/status/events', '/v1/zones', '/metrics', '/queues', '/'])
          expect([path, headers, (await ask('GET', path, undefined, headers)).status]).toEqual([
            path,
            headers,
            403,
          ]);
      const link = await ask('GET', '/', undefined, load(site, 'navigate', 'document'));
      expect([site, link.status]).toEqual([site, 200]);
    }
    for (const headers of [load('same-origin', 'cors', 'empty'), load('none', 'navigate', 'document')])
      expect((await ask('GET', '/v1/zones', undefined, headers)).status).toBe(200);
  });

  test('uses up nothing of what the operator may ask', async () => {
    const house = await openHouse({ API_RATE: '2' }, ['api']);
    try {
      const ask = asker(house.http);
      const foreign = { origin: 'https://evil.example' };
      const statuses: number[] = [];
      while (!statuses.includes(429) && statuses.length < 2_000)
        statuses.push((await ask('GET', '/v1/keys', undefined, foreign)).status);
      expect(statuses.at(-1)).toBe(429);
      expect((await ask('GET', '/v1/keys')).status).toBe(200);
    } finally {
      await house.close();
    }
  });
});

describe('every answer', () => {
  test('bodies over 1 MiB are refused, those up to it are read', async () => {
    const ask = asker(open.http);
    const body = (octets: number) => `{"name":"${'a'.repeat(octets - 11)}"}`;
    const large = await ask('POST', '/v1/zones', body(1024 * 1024 + 1));
    expect(large).toMatchObject({ status: 413, body: { status: 'error', error: { code: 'too_large' } } });
    expect((await ask('POST', '/v1/zones', body(1024 * 1024))).status).toBe(400);
  });

  test('a body that is no JSON is refused with 400', async () => {
    const ask = asker(open.http);
    const form = await ask('POST', '/v1/zones', 'name=x', {
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(form).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining('content-type') } },
    });
    expect((await ask('POST', '/v1/zones', 'hello', { 'content-type': 'text/plain' })).status).toBe(400);
    expect((await ask('POST', '/v1/zones', '{"__proto__": {"name": 1}}')).status).toBe(400);
  });

  test('carries headers that keep browsers out of trouble, and nothing for other sites', async () => {
    const ask = asker(open.http);
    for (const path of ['/v1/zones', '/v1/nowhere', '/healthz', '/', '/docs', '/queues', '/metrics']) {
      const { headers } = await ask('GET', path, undefined, { origin: open.http });
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
      });
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });

  test('what is not there is 404 in the same form', async () => {
    const ask = asker(open.http);
    expect(await ask('GET', '/v1/nowhere')).toMatchObject({
      status: 404,
      body: { status: 'error', error: { code: 'not_found' } },
    });
    expect((await ask('PUT', '/v1/zones')).status).toBe(404);
    expect((await ask('GET', '/v1/zones/%ff')).status).toBe(400);
  });
});

describe('health', () => {
  test('healthz and readyz answer', async () => {
    const ask = asker(open.http);
    expect((await ask('GET', '/healthz')).body).toEqual({ status: 'success', data: { alive: true } });
    expect((await ask('GET', '/readyz')).body).toEqual({ status: 'success', data: { ready: true } });
  });
});
