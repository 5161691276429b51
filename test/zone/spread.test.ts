import fc from 'fast-check';
import { expect, test } from 'vitest';
import { aliasPolicy } from '../../src/zone/alias/policy.ts';
import { spread } from '../../src/zone/alias/spread.ts';

const policy = aliasPolicy({ refreshMin: 30_000, refreshMax: 3_600_000 });

test('a short delay stays as it is, however the draw falls', () => {
  for (const delay of [0, 900, 1_800, 2_000])
    expect(spread(5_000 + delay, 5_000, policy, 1)).toBe(5_000 + delay);
});

test('a longer one grows by a tenth at most, and never past REFRESH_MAX, where it shrinks', () => {
  expect(spread(60_000, 0, policy, 0.5)).toBe(63_000);
  expect(spread(3_600_000, 0, policy, 1)).toBe(3_240_000);
  fc.assert(
    fc.property(
      fc.integer({ min: 30_000, max: 3_600_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (delay, draw) => {
        const due = spread(delay, 0, policy, draw);
        return due >= delay * 0.9 && due <= Math.min(delay * 1.1 + 1e-6, 3_600_000);
      },
    ),
  );
});
