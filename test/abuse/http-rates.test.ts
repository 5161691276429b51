import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { networkOf, RateLimit } from '../../src/http/rate-limit.ts';
import { asker } from '../http/support.ts';
import { type House, openHouse } from '../support/house.ts';

const TOKEN = 'a-token-for-abuse-0123456789';
const AUTH = { authorization: `Bearer ${TOKEN}` };
const RATE = 5;
const CONNECTIONS = 10;

let house: House;
beforeAll(async () => {
  house = await openHouse(
    { API_TOKEN: TOKEN, API_RATE: String(RATE), HTTP_CONNECTIONS: String(CONNECTIONS) },
    ['api'],
  );
});
afterAll(() => house?.close());

describe('rates', () => {
  test('who asks too often gets 429 with the time to wait; others do not', async () => {
    const ask = asker(house.http, AUTH);
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
    expect((await asker(house.http)('GET', '/readyz')).status, 'without the token: by the address').toBe(200);
    expect((await ask('GET', '/healthz')).status).toBe(200);
  });

  test('no token, no data, and in the end no more answers', async () => {
    const ask = asker(house.http);
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
  const crowd = Array.from({ length: 5 * CONNECTIONS }, () => resting());
  for (const socket of crowd) socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n');
  for (let count = 0; count < 5; count++)
    expect((await asker(house.http)('GET', '/healthz')).status).toBe(200);
  for (const socket of crowd) socket.destroy();
});

function resting(): Socket {
  const socket = connect(Number(new URL(house.http).port), '127.0.0.1');
  socket.on('error', () => {});
  return socket;
}
