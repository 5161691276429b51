import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPool, type Pool } from '../../src/store/pool.ts';
import { addToken, deleteToken, listTokens } from '../../src/store/tokens.ts';
import { type House, openHouse } from '../support/house.ts';
import { until } from '../support/until.ts';
import { asker } from './support.ts';

let house: House;
let pool: Pool;
beforeAll(async () => {
  house = await openHouse({ API_TOKEN: 'a-token-for-tests-0123456789' }, ['api']);
  pool = createPool(house.databaseUrl);
});
afterAll(async () => {
  await pool?.end();
  await house?.close();
});

const bearing = (token: string) => asker(house.http, { authorization: `Bearer ${token}` });
const ZONE = { name: 'tokens.example', primaryNs: 'ns1.example', contact: 'hostmaster@tokens.example' };

test('a named token opens the API, and stops to do so when it is taken away', async () => {
  const { token } = await addToken(pool, 'platform', false);
  const ask = bearing(token);
  expect((await ask('POST', '/v1/zones', ZONE)).status).toBe(201);
  expect((await ask('GET', '/metrics')).status).toBe(200);
  await until('the use of the token is noted', async () => (await listTokens(pool))[0]?.usedAt !== null);
  await deleteToken(pool, 'platform');
  expect((await ask('GET', '/v1/zones')).status).toBe(401);
});

test('a read-only token looks, and changes nothing', async () => {
  const { token } = await addToken(pool, 'grafana', true);
  const ask = bearing(token);
  expect((await ask('GET', '/v1/zones')).status).toBe(200);
  expect((await ask('POST', '/v1/resyncs/plan', {})).status).toBe(200);
  for (const [method, path] of [
    ['POST', '/v1/zones'],
    ['POST', '/v1/resyncs'],
    ['DELETE', '/v1/zones/tokens.example'],
    ['PATCH', '/v1/zones/tokens.example'],
    ['PUT', '/queues/api/queues/resync/pause'],
    ['POST', '/v1/resyncs/plan/../../zones'],
  ] as const) {
    const answer = await ask(method, path);
    expect([method, path, answer.status]).toEqual([method, path, 403]);
    expect(answer.body.error.message).toContain('"grafana" may look, and change nothing');
  }
});

test("a session opens the queue's board as far as its token, and as long", async () => {
  const { token } = await addToken(pool, 'passing', true);
  const answer = await bearing(token)('POST', '/v1/session', {});
  const cookie = String(answer.headers['set-cookie']).split(';')[0] ?? '';
  const ask = asker(house.http, { cookie });
  expect((await ask('GET', '/queues')).status).toBe(200);
  expect((await ask('GET', '/v1/zones')).status).toBe(401);
  expect((await ask('PUT', '/queues/api/queues/resync/pause')).status).toBe(403);
  const forged = cookie.replace(/=\d+\./, '=0.');
  expect((await asker(house.http, { cookie: forged })('GET', '/queues')).status).toBe(401);
  await deleteToken(pool, 'passing');
  expect((await ask('GET', '/queues')).status).toBe(401);
});

test('wrong tokens are counted by address, and keep nobody out who has sent a right one', async () => {
  const { token } = await addToken(pool, 'old-friend', true);
  expect((await bearing(token)('GET', '/v1/zones')).status).toBe(200);
  const statuses = [];
  for (let i = 0; i < 70; i++) statuses.push((await bearing(`wrong-${i}`)('GET', '/v1/zones')).status);
  expect(statuses.slice(0, 50)).toEqual(Array(50).fill(401));
  expect(statuses.at(-1)).toBe(429);
  expect((await bearing(token)('GET', '/v1/zones')).status).toBe(200);
  const { token: late } = await addToken(pool, 'newcomer', true);
  const answer = await bearing(late)('GET', '/v1/zones');
  expect(answer).toMatchObject({ status: 429, body: { error: { code: 'too_many_attempts' } } });
  const wait = Number(answer.headers['retry-after']);
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThanOrEqual(60);
});

test('the token itself is nowhere in the database, and nobody else writes the table', async () => {
  const { token } = await addToken(pool, 'secretive', false);
  const { rows } = await house.operator.query('select api_tokens::text as row from api_tokens');
  expect(JSON.stringify(rows)).not.toContain(token.slice(3));
  await expect(house.operator.query('delete from api_tokens')).rejects.toThrow(
    'written by the service alone',
  );
});
