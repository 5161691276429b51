import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type House, openHouse } from '../support/house.ts';
import { redisInstalled, TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { asker } from './support.ts';

const TOKEN = 'a-token-for-the-board';
let house: House;
beforeAll(async () => {
  house = await openHouse({ API_TOKEN: TOKEN });
});
afterAll(() => house?.close());

const bearer = { authorization: `Bearer ${TOKEN}` };

describe('Bull Board on the queue in PostgreSQL', () => {
  test('shows the queue and its jobs', () => showsJobs(house));

  test('its page and files come from here, and foreign ones are blocked', async () => {
    const ask = asker(house.http, bearer);
    const { text, headers } = await ask('GET', '/queues');
    const csp = String(headers['content-security-policy']);
    expect(csp).toContain("default-src 'none'");
    expect(csp).not.toMatch(/https?:|\*/);
    const files = [...text.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map(([, file]) => `/queues/${file}`);
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) expect([file, (await ask('GET', file)).status]).toEqual([file, 200]);
  });

  test('a browser is let in by a cookie that the token buys, for the board alone', async () => {
    const without = asker(house.http);
    expect((await without('POST', '/v1/session')).status).toBe(401);
    const given = await without('POST', '/v1/session', {}, bearer);
    const [line = ''] = given.headers['set-cookie'] as string[];
    expect(line).toMatch(/; Path=\/queues; Max-Age=\d+; HttpOnly; SameSite=Strict$/);
    expect(line).not.toContain(TOKEN);
    const [cookie = ''] = line.split(';');
    const [, said, signature] = /=(.+)\.([\w-]+)$/.exec(cookie) ?? [];
    for (const text of [said, `zoneferry queues ${said}`])
      expect(
        createHmac('sha256', TOKEN).update(String(text)).digest('base64url'),
        'no quick guess at API_TOKEN',
      ).not.toBe(signature);
    expect((await without('GET', '/queues', undefined, { cookie })).status).toBe(200);
    expect((await without('GET', '/queues/api/queues', undefined, { cookie })).status).toBe(200);
    for (const path of ['/v1/zones', '/metrics', '/queuesx'])
      expect([path, (await without('GET', path, undefined, { cookie })).status]).toEqual([path, 401]);
    const origin = 'https://evil.example';
    expect(
      (await without('PUT', '/queues/api/queues/resync/pause', undefined, { cookie, origin })).status,
    ).toBe(403);
    const later = cookie.replace(/=(\d+)/, (_, end) => `=${Number(end) + 1}`);
    expect((await without('GET', '/queues', undefined, { cookie: later })).status).toBe(401);
    const past = cookie.replace(/=(\d+)/, '=1000');
    expect((await without('GET', '/queues', undefined, { cookie: past })).status).toBe(401);
  });
});

describe.runIf(redisInstalled || process.env.CI === 'true')('Bull Board on the queue in Redis', () => {
  let redis: TestRedis;
  let onRedis: House;
  beforeAll(async () => {
    redis = await TestRedis.start();
    onRedis = await openHouse({ API_TOKEN: TOKEN, REDIS_URL: redis.url });
  });
  afterAll(async () => {
    await onRedis?.close();
    await redis?.stop();
  });

  test('shows the queue and its jobs', () => showsJobs(onRedis));
});

async function showsJobs(house: House): Promise<void> {
  const ask = asker(house.http, bearer);
  const { id } = (await ask('POST', '/v1/resyncs', { reason: 'for the board' })).body.data.job;
  await until(
    'the job is done',
    async () => (await ask('GET', `/v1/jobs/${id}`)).body.data.state === 'completed',
  );
  const list = await ask(
    'GET',
    '/queues/api/queues?activeQueue=resync&status=completed&page=1&jobsPerPage=100',
  );
  expect(list.status).toBe(200);
  const [queue] = list.body.queues;
  expect(queue).toMatchObject({ name: 'resync', counts: { completed: expect.any(Number) } });
  expect(queue.jobs.map((job: { id: string }) => job.id)).toContain(id);
  const job = await ask('GET', `/queues/api/queues/resync/${id}`);
  expect(job.body).toMatchObject({ job: { id, data: { reason: 'for the board' } }, status: 'completed' });
}
