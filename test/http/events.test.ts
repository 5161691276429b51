import { afterAll, beforeAll, expect, test } from 'vitest';
import { type House, openHouse } from '../support/house.ts';
import { until } from '../support/until.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house?.close());

/** The stream's text so far. */
async function listen(headers: Record<string, string> = {}) {
  const stop = new AbortController();
  const response = await fetch(`${house.http}/v1/status/events`, { headers, signal: stop.signal });
  const got = { text: '' };
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const done = (async () => {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done) return;
      got.text += value;
    }
  })().catch(() => {});
  return { response, got, stop: () => stop.abort(), done };
}

test('an edit is told to who listens, within moments and by what it is about', async () => {
  const { response, got, stop, done } = await listen();
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  expect(response.headers.get('cache-control')).toBe('no-store');
  await until('the first event', async () => got.text.includes('data: {"what":["all"]}\n\n'));
  await house.zone('events.example.');
  await until('an event about zones', async () => /^data: .*"zones"/m.test(got.text));
  await house.operator.query("insert into secondaries (name, addresses) values ('ns1', '{127.0.0.1:9}')");
  await until('an event about secondaries', async () => /^data: .*"secondaries"/m.test(got.text));
  for (const block of got.text.trimEnd().split('\n\n'))
    expect(block).toMatch(/^(retry: 2000\n)?(event: changed\ndata: \{.*\}|: alive)$/);
  stop();
  await done;
});

test('a hundred may listen, and one who leaves makes room', async () => {
  const streams = await Promise.all(Array.from({ length: 100 }, () => listen()));
  const one = await fetch(`${house.http}/v1/status/events`);
  expect(one.status).toBe(503);
  expect(await one.json()).toMatchObject({ error: { code: 'unavailable' } });
  for (const { stop } of streams) stop();
  await until('room again', async () => {
    const { response, stop } = await listen();
    stop();
    return response.status === 200;
  });
});

test('without the token nobody listens', async () => {
  const closed = await openHouse({ API_TOKEN: 'a-token-for-tests-0123456789' }, ['api']);
  try {
    expect((await fetch(`${closed.http}/v1/status/events`)).status).toBe(401);
  } finally {
    await closed.close();
  }
});
