import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareSerial, isNewer } from '../../src/dns/serial.ts';
import { aheadBy, stepsPast } from '../../src/zone/serial-walk.ts';

const serial = fc.oneof(
  fc.integer({ min: 1, max: 0xffffffff }),
  fc.constantFrom(1, 2, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff),
);
/** Pairs near half the ring, where order ends. */
const pair = fc
  .tuple(
    serial,
    fc.oneof(
      serial,
      fc.integer({ min: -4, max: 4 }).map((by) => 0x80000000 + by),
    ),
    fc.boolean(),
  )
  .map(([ours, other, relative]) => [ours, relative ? (ours + other) >>> 0 : other] as const);

test('each step of a walk is newer than the one before, never 0, and the last one past it (RFC 1982, section 3)', () => {
  fc.assert(
    fc.property(pair, ([ours, after]) => {
      const steps = stepsPast(ours, after);
      let at = ours;
      for (const step of steps) {
        expect(isNewer(step, at)).toBe(true);
        expect(step).not.toBe(0);
        at = step;
      }
      expect(isNewer(at, after)).toBe(true);
      // whoever is at `after` passes the half-way serial by
      for (const step of steps.slice(0, -1)) expect(['older', 'equal']).toContain(compareSerial(step, after));
    }),
    { numRuns: 2000 },
  );
});

test('one step where one is enough, none where we are past, two at half the ring', () => {
  expect(stepsPast(7, 6)).toEqual([]);
  expect(stepsPast(7, 7)).toEqual([8]);
  expect(stepsPast(7, 1000)).toEqual([1001]);
  expect(stepsPast(7, 0x80000005)).toEqual([0x80000006]);
  expect(stepsPast(7, 0x80000006)).toEqual([0x80000006, 0x80000007]);
  expect(stepsPast(7, 0x80000007)).toEqual([0x80000006, 0x80000008]);
  expect(stepsPast(7, 0x80000008)).toEqual([]);
  expect(stepsPast(0xfffffff0, 0xffffffff)).toEqual([1]);
  expect(stepsPast(0x80000001, 1)).toEqual([0xffffffff, 2]);
});

test('ahead is newer, or half the ring away, where servers stay as they are', () => {
  expect(aheadBy(7, 7)).toBe(0);
  expect(aheadBy(6, 7)).toBe(0);
  expect(aheadBy(9, 7)).toBe(2);
  expect(aheadBy(3, 0xffffffff)).toBe(4);
  expect(aheadBy(0x80000007, 7)).toBe(0x80000000);
  expect(aheadBy(0x80000008, 7)).toBe(0);
});
