import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isNewer } from '../../src/dns/serial.ts';
import { firstSerial, type SerialPolicy, serialAfter } from '../../src/zone/serial-policy.ts';

const NOON = Date.UTC(2026, 4, 17, 12);
const DAY = 86_400_000;

describe('increment', () => {
  test('is one more, whatever the time', () => {
    expect(serialAfter(41, 'increment', NOON)).toBe(42);
    expect(firstSerial(1, 'increment', NOON)).toBe(1);
  });
  test('goes round behind 4294967295, over 0 (RFC 1982, section 3.1)', () => {
    expect(serialAfter(4_294_967_295, 'increment', NOON)).toBe(1);
  });
});

describe('date', () => {
  test('begins a day at 00 and counts on', () => {
    expect(firstSerial(1, 'date', NOON)).toBe(2026051700);
    expect(serialAfter(2026051699, 'date', NOON)).toBe(2026051700);
    expect(serialAfter(2026051700, 'date', NOON)).toBe(2026051701);
  });
  test('goes on over 99 a day, into the numbers of days to come, and never back when those come', () => {
    let serial = 2026051700;
    for (let change = 0; change < 350; change++) serial = serialAfter(serial, 'date', NOON);
    expect(serial).toBe(2026052050);
    expect(serialAfter(serial, 'date', NOON + DAY)).toBe(2026052051);
    expect(serialAfter(serial, 'date', NOON + 4 * DAY)).toBe(2026052100);
  });
  test('is the day in UTC', () => {
    expect(firstSerial(1, 'date', Date.UTC(2026, 11, 31, 23, 59, 59, 999))).toBe(2026123100);
    expect(firstSerial(1, 'date', Date.UTC(2027, 0, 1))).toBe(2027010100);
  });
});

describe('unixtime', () => {
  test('is the second, and one more within the same one', () => {
    expect(firstSerial(1, 'unixtime', NOON)).toBe(NOON / 1000);
    expect(serialAfter(NOON / 1000, 'unixtime', NOON + 999)).toBe(NOON / 1000 + 1);
  });
});

describe('any policy', () => {
  const policies = fc.constantFrom<SerialPolicy>('increment', 'date', 'unixtime');
  const serials = fc.integer({ min: 0, max: 4_294_967_295 });
  const times = fc.integer({ min: 0, max: Date.UTC(2099, 0) });

  test('a clock that steps back never lowers a serial', () => {
    for (const policy of ['date', 'unixtime'] as const) {
      const before = serialAfter(1, policy, NOON);
      expect(serialAfter(before, policy, NOON - 400 * DAY)).toBe(before + 1);
    }
  });
  test('a change of policy never lowers a serial: a date follows a date only when that is newer', () => {
    const dated = firstSerial(1, 'date', NOON);
    expect(serialAfter(dated, 'unixtime', NOON)).toBe(dated + 1);
    expect(serialAfter(dated, 'increment', NOON)).toBe(dated + 1);
    expect(serialAfter(firstSerial(1, 'unixtime', NOON), 'date', NOON)).toBe(2026051700);
  });
  test('each is newer than the one before and never 0, whatever clock and policy do (RFC 1982)', () => {
    fc.assert(
      fc.property(serials, fc.array(fc.tuple(policies, times), { maxLength: 40 }), (start, steps) => {
        let serial = start;
        for (const [policy, now] of steps) {
          const next = serialAfter(serial, policy, now);
          expect(isNewer(next, serial)).toBe(true);
          expect(next).not.toBe(0);
          serial = next;
        }
      }),
    );
  });
});
