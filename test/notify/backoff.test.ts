import { expect, test } from 'vitest';
import { refusedDelay, replyWait, silentDelay, transportFor } from '../../src/notify/backoff.ts';
import { Rate } from '../../src/notify/rate.ts';

const attempts = [1, 2, 3, 4, 5, 6, 7, 8, 1000];

test('RFC 1996, 3.6: silence doubles the pause, to 10 s while the secondary answers others, else to 60 s', () => {
  expect(attempts.map((attempt) => silentDelay(attempt, true) / 1000)).toEqual([
    1, 2, 4, 8, 10, 10, 10, 10, 10,
  ]);
  expect(attempts.map((attempt) => silentDelay(attempt, false) / 1000)).toEqual([
    1, 2, 4, 8, 16, 32, 60, 60, 60,
  ]);
});

test('a refusal is tried again slowly; RFC 1996, 3.12: NOTIMP slowest', () => {
  expect(attempts.map((attempt) => refusedDelay(5, attempt) / 1000)).toEqual([
    60, 120, 240, 480, 600, 600, 600, 600, 600,
  ]);
  expect(refusedDelay(4, 1)).toBe(600_000);
});

test('the wait for a reply never outlasts the pause', () => {
  for (const attempt of attempts) expect(replyWait(attempt)).toBeLessThanOrEqual(silentDelay(attempt, true));
});

test('after three silences every second try goes over TCP', () => {
  expect([1, 2, 3, 4, 5, 6, 7].map(transportFor)).toEqual(['udp', 'udp', 'udp', 'tcp', 'udp', 'tcp', 'udp']);
});

test('in no second are there more sends than the rate', () => {
  const rate = new Rate(3);
  let now = 5_000;
  const sent: number[] = [];
  while (sent.length < 20) {
    const wait = rate.take(now);
    if (wait === 0) sent.push(now);
    now += Math.max(wait, 7);
  }
  for (let index = 3; index < sent.length; index++) {
    expect(sent[index]! - sent[index - 3]!).toBeGreaterThanOrEqual(1000);
  }
  expect(sent.at(-1)! - sent[0]!).toBeLessThan(7_000);
});

test('a clock that is set back does not stop the sending', () => {
  const rate = new Rate(1);
  rate.take(1_000_000);
  expect(rate.take(10)).toBe(0);
  expect(rate.take(11)).toBe(999);
});
