import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Rate } from '../../src/notify/rate.ts';
import { type Item, Line } from '../../src/notify/verifier/line.ts';
import type { Awaited } from '../../src/notify/verifier/ports.ts';

let looked: Item[];
let inVain: boolean;
let mayLook: boolean;
let line: Line;
beforeEach(() => {
  vi.useFakeTimers();
  looked = [];
  inVain = true;
  mayLook = true;
  line = new Line({
    rate: new Rate(1_000),
    clock: { now: () => Date.now() },
    look: async (item) => {
      looked.push(item);
      return { replied: true, inVain };
    },
    turnAway: () => {},
    mayLook: () => mayLook,
  });
});
afterEach(() => {
  line.stop();
  vi.useRealTimers();
});

const item = (zone: string): Item => ({ awaited: { zone } as Awaited, soon: [] });

/** Looks in a second in which there is always another to make. */
async function inOneSecond(): Promise<number> {
  const before = looked.length;
  for (let ms = 0; ms < 1_000; ms += 10) {
    while (!line.full) line.add(item('behind.test.'));
    await vi.advanceTimersByTimeAsync(10);
  }
  return looked.length - before;
}

test('the more looks are in vain the fewer are made, down to some; once most are not there are as many as before', async () => {
  expect(await inOneSecond()).toBeLessThanOrEqual(1_000);
  for (let second = 0; second < 10; second++) await inOneSecond();
  expect(await inOneSecond()).toBeLessThanOrEqual(51);
  expect(await inOneSecond()).toBeGreaterThanOrEqual(45);
  inVain = false;
  for (let second = 0; second < 15; second++) await inOneSecond();
  expect(await inOneSecond()).toBeGreaterThanOrEqual(900);
});

test('what was just taken is looked at before all that waits', async () => {
  for (let second = 0; second < 10; second++) await inOneSecond();
  const { length } = looked;
  line.add({ ...item('taken.test.'), taken: { serial: 2 } as NonNullable<Item['taken']> });
  await vi.advanceTimersByTimeAsync(1_100);
  expect(looked.slice(length).map(({ awaited }) => awaited.zone)).toContain('taken.test.');
  expect(looked[length]?.awaited.zone).toBe('taken.test.');
});

test('nothing is looked at while what looks came to is not yet written', async () => {
  mayLook = false;
  expect(await inOneSecond()).toBe(0);
  mayLook = true;
  expect(await inOneSecond()).toBeGreaterThan(0);
});

test('what was sent counts under a limit that was changed too', () => {
  const rate = new Rate(100);
  for (let sent = 0; sent < 80; sent++) expect(rate.take(1_000 + sent)).toBe(0);
  const fewer = rate.changedTo(50);
  expect(fewer.take(1_080)).toBeGreaterThan(0);
  expect(fewer.take(2_030)).toBe(0);
  const more = rate.changedTo(120);
  for (let sent = 0; sent < 40; sent++) expect(more.take(1_080)).toBe(0);
  expect(more.take(1_080)).toBeGreaterThan(0);
});
