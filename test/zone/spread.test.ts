import fc from 'fast-check';
import { expect, test } from 'vitest';
import { aliasPolicy } from '../../src/zone/alias/policy.ts';
import { mayGoTogether, spread, spreadTogether } from '../../src/zone/alias/spread.ts';

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

test('targets looked at together are looked at when the last of them runs out, a tenth late at most', () => {
  expect(mayGoTogether({ shortest: 60_000, longest: 66_000 })).toBe(true);
  expect(mayGoTogether({ shortest: 60_000, longest: 66_001 })).toBe(false);
  expect(mayGoTogether({ shortest: 900, longest: 990 })).toBe(false);
  fc.assert(
    fc.property(
      fc.integer({ min: 900, max: 3_600_000 }),
      fc.integer({ min: 900, max: 3_600_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (one, other, draw) => {
        const delays = { shortest: Math.min(one, other), longest: Math.max(one, other) };
        if (!mayGoTogether(delays)) return;
        const due = spreadTogether(delays, 0, policy, draw);
        expect(due).toBeGreaterThanOrEqual(delays.longest * 0.9);
        if (delays.longest < policy.refreshMax) expect(due).toBeGreaterThanOrEqual(delays.longest);
        expect(due).toBeLessThanOrEqual(Math.min(delays.shortest * 1.1 + 1e-6, policy.refreshMax));
      },
    ),
  );
});
