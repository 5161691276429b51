import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPool, type Pool } from '../../src/store/pool.ts';
import { addToken, deleteToken } from '../../src/store/tokens.ts';
import { asker } from '../http/support.ts';
import { type House, openHouse } from '../support/house.ts';
import { until } from '../support/until.ts';

const TOKEN = 'a-token-for-abuse-0123456789';
const AUTH = { authorization: `Bearer ${TOKEN}` };
const CONNECTIONS = 10;
const LISTENERS = 100;

let house: House;
let pool: Pool;
beforeAll(async () => {
  house = await openHouse({ API_TOKEN: TOKEN, API_RATE: '0', HTTP_CONNECTIONS: '200' }, ['api']);
  pool = createPool(house.databaseUrl);
});
afterAll(async () => {
  await pool?.end();
  await house?.close();
});

/** A connection that sends this; what came back so far. */
function send(to: House, text: string): { socket: Socket; got: { text: string; closed: boolean } } {
  const socket = connect(Number(new URL(to.http).port), '127.0.0.1');
  const got = { text: '', closed: false };
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    got.text += chunk.toString('latin1');
  });
  socket.on('close', () => {
    got.closed = true;
  });
  socket.write(text);
  return { socket, got };
}

function listening(token: string, times = 1): string {
  return `GET /v1/status/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`.repeat(times);
}

const first = 'data: {"what":["all"]}';

async function hasRoom(): Promise<void> {
  await until('room for all listeners again', async () => {
    const crowd = Array.from({ length: LISTENERS }, () => send(house, listening(TOKEN)));
    try {
      await until('an answer for each', async () =>
        crowd.every(({ got }) => got.text.includes(first) || got.text.includes(' 503 ')),
      );
      return crowd.every(({ got }) => got.text.includes(first));
    } finally {
      for (const { socket } of crowd) socket.destroy();
    }
  });
}

describe('listeners for events', { timeout: 90_000 }, () => {
  test('a connection that asks again and again takes one place, and leaves none taken', async () => {
    const { socket, got } = send(house, listening(TOKEN, 2 * LISTENERS));
    await until('its stream', async () => got.text.includes(first));
    const other = send(house, listening(TOKEN));
    await until('another listener', async () => other.got.text.includes(first));
    other.socket.destroy();
    socket.destroy();
    await hasRoom();
  });

  test('who leaves while their token is looked up takes no place', async () => {
    const { token } = await addToken(pool, 'hasty', true);
    const blocker = await pool.connect();
    await blocker.query('begin');
    await blocker.query('lock table api_tokens in access exclusive mode');
    const hasty = Array.from({ length: LISTENERS }, () => send(house, listening(token)));
    await until('all look it up, or wait to', async () => {
      const { rows } = await house.operator.query(
        "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return rows.length > 0;
    });
    // the server has read them all once it answers one who came later
    expect((await asker(house.http)('GET', '/healthz')).status).toBe(200);
    for (const { socket } of hasty) socket.resetAndDestroy();
    expect((await asker(house.http)('GET', '/healthz')).status).toBe(200);
    await blocker.query('rollback');
    blocker.release();
    await hasRoom();
  });

  test('a stream ends soon after its token was taken away; those of others go on', async () => {
    const { token } = await addToken(pool, 'leaver', true);
    const mine = send(house, listening(TOKEN));
    const theirs = send(house, listening(token));
    await until('both listen', async () => [mine, theirs].every(({ got }) => got.text.includes(first)));
    await deleteToken(pool, 'leaver');
    await until('the end', async () => theirs.got.closed);
    expect(mine.got.closed).toBe(false);
    mine.socket.destroy();
  });

  test('HEAD is answered and ends', async () => {
    const answer = await asker(house.http, AUTH)('HEAD', '/v1/status/events');
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('text/event-stream; charset=utf-8');
  });

  test('the stream has the headers of every answer', async () => {
    const { socket, got } = send(house, listening(TOKEN));
    await until('its head', async () => got.text.includes('\r\n\r\n'));
    for (const header of ['cross-origin-resource-policy: same-origin', "default-src 'none'", 'nosniff'])
      expect(got.text).toContain(header);
    socket.destroy();
  });

  test('SIGTERM ends streams', async () => {
    const ending = await openHouse({ API_TOKEN: TOKEN }, ['api']);
    const { got } = send(ending, listening(TOKEN));
    await until('its stream', async () => got.text.includes(first));
    await ending.close();
    await until('its end', async () => got.closed);
  });
});

test('who never reads their answers keeps nobody out', { timeout: 90_000 }, async () => {
  const small = await openHouse({ API_TOKEN: TOKEN, API_RATE: '0', HTTP_CONNECTIONS: String(CONNECTIONS) }, [
    'api',
  ]);
  const large = 'GET /docs/static/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n';
  const greedy: Socket[] = [];
  try {
    for (let count = 0; count < CONNECTIONS; count++) {
      const { socket } = send(small, large);
      // reads a first piece, and no more
      socket.once('data', () => socket.pause());
      greedy.push(socket);
    }
    await until('all are being answered', async () => greedy.every((socket) => socket.isPaused()));
    // one after the other, until the buffers on the way are full
    for (let count = 0; count < 20; count++) {
      for (const socket of greedy) socket.write(large);
      await sleep(50);
    }
    await until(
      'an answer all the same',
      async () => (await asker(small.http)('GET', '/healthz')).status === 200,
    );
  } finally {
    for (const socket of greedy) socket.destroy();
    await small.close();
  }
});
