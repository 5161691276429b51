import fc from 'fast-check';
import { expect, test } from 'vitest';
import { unknownTarget } from '../../../src/zone/alias/state.ts';
import { failed, found, looksOf, nodata, nxdomain, type Played, play, START, subsets } from './play.ts';

const ADDRESSES = Array.from({ length: 12 }, (_, index) => `192.0.2.${index + 1}`);
const aSet = fc.subarray(ADDRESSES, { minLength: 1 });
const aFound = fc.tuple(aSet, fc.integer({ min: 0, max: 4000 })).map(([set, ttl]) => found(set, ttl));
const foundOrFailed = fc.oneof(fc.constant(failed), aFound);
const anything = fc.oneof(
  foundOrFailed,
  fc.constantFrom(nodata, nxdomain, { ...nodata, ttl: 600, resolver: '192.0.2.53' }),
);
const step = fc.integer({ min: 0, max: 5_000 });

function sequence(seen: typeof anything): fc.Arbitrary<Played[]> {
  return fc.array(fc.tuple(seen, seen, step), { minLength: 1, maxLength: 60, size: 'max' }).map((looks) => {
    const seconds = summed(looks.map(([, , pause]) => pause));
    return looks.map(([a, aaaa], index): Played => [seconds[index] ?? 0, { a, aaaa }]);
  });
}

function summed(pauses: readonly number[]): number[] {
  let sum = 0;
  return pauses.map((pause) => {
    sum += pause;
    return sum;
  });
}

/** Every state on the way. */
function* states(looks: readonly Played[]) {
  let state = unknownTarget();
  for (const look of looks) {
    const outcome = play([look], {}, state);
    yield { before: state, ...outcome, look };
    state = outcome.state;
  }
}

test('no sequence of failures, and of answers between them, ever empties a set that was published', () => {
  fc.assert(
    fc.property(sequence(foundOrFailed), (looks) => {
      for (const { before, state } of states(looks)) {
        if (before.a.addresses.length > 0) expect(state.a.addresses).not.toEqual([]);
        if (before.aaaa.addresses.length > 0) expect(state.aaaa.addresses).not.toEqual([]);
      }
    }),
  );
});

test('failures change nothing at all, whatever came before', () => {
  fc.assert(
    fc.property(
      sequence(anything),
      fc.array(step, { minLength: 1, maxLength: 30, size: 'max' }),
      (looks, pauses) => {
        const { state } = play(looks);
        const from = looks.at(-1)?.[0] ?? 0;
        const failures = summed(pauses).map((second): Played => [from + second, { a: failed, aaaa: failed }]);
        const after = play(failures, {}, state);
        expect([after.stable, after.exact]).toEqual([0, 0]);
        expect(after.state.a.addresses).toEqual(state.a.addresses);
        expect(after.state.aaaa.addresses).toEqual(state.aaaa.addresses);
      },
    ),
  );
});

test('no single denial withdraws anything', () => {
  fc.assert(
    fc.property(sequence(foundOrFailed), fc.constantFrom(nodata, nxdomain), (looks, denial) => {
      const { state } = play(looks);
      const second = looks.at(-1)?.[0] ?? 0;
      const after = play([[second, { a: denial, aaaa: denial }]], {}, state).state;
      expect(after.a.addresses).toEqual(state.a.addresses);
      expect(after.aaaa.addresses).toEqual(state.aaaa.addresses);
    }),
  );
});

test('equal sets never change, in whatever order they come and however their TTLs count down', () => {
  fc.assert(
    fc.property(
      fc.array(fc.shuffledSubarray(ADDRESSES, { minLength: ADDRESSES.length }), {
        minLength: 2,
        maxLength: 40,
      }),
      fc.integer({ min: 1, max: 1000 }),
      (orders, every) => {
        const looks = orders.map((set, index): Played => {
          const second = index * every;
          return [second, { a: found(set, 300 - (second % 300)), aaaa: nodata }];
        });
        const { stable, exact } = play(looks);
        expect([stable, exact]).toEqual([1, 1]);
      },
    ),
  );
});

test('stable answers are one answer whole, unless a rotation is recognised; then of addresses seen within the window', () => {
  fc.assert(
    fc.property(
      fc.array(aSet, { minLength: 1, maxLength: 80, size: 'max' }),
      fc.constantFrom(1, 10, 30, 300),
      (sets, every) => {
        const lastSeen = new Map<string, number>();
        let look = 0;
        for (const { before, state, look: played } of states(looksOf(sets, every))) {
          const seen = played[1].a?.kind === 'found' ? [...played[1].a.addresses].sort() : [];
          for (const address of seen) lastSeen.set(address, look);
          const { addresses, rotation } = state.a;
          const isOneAnswer =
            addresses.join() === seen.join() || addresses.join() === before.a.addresses.join();
          if (!isOneAnswer) {
            expect(rotation?.recognised).toBe(true);
            for (const address of addresses)
              expect((look - (lastSeen.get(address) ?? 0)) * every).toBeLessThanOrEqual(
                Math.max(10 * every, 60),
              );
          }
          look++;
        }
      },
    ),
  );
});

test('a rotation costs at most a serial each ROTATION_FLOOR once it is recognised', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 9, max: 60 }),
      fc.constantFrom(1, 5, 10, 30, 60),
      fc.integer(),
      (size, pool, every, seed) => {
        const sets = subsets(size, pool, 400, seed);
        const { stable, state } = play(looksOf(sets, every));
        // until it is recognised, and chance breaks before the pool is known
        const before = 10 + 10;
        expect(stable).toBeLessThanOrEqual(before + Math.ceil((400 * every) / 300));
        expect(state.damped?.serials).toBe(stable - 1);
        expect(state.a.addresses.length).toBeGreaterThan(0);
      },
    ),
  );
});

test('the next look is never sooner than the floors, nor later than the ceilings, and what is kept is bounded', () => {
  fc.assert(
    fc.property(sequence(anything), (looks) => {
      for (const { state, last, look } of states(looks)) {
        const delay = last.dueAt - (START + look[0] * 1000);
        expect(delay).toBeGreaterThanOrEqual(state.failures === 0 ? 30_000 : 1_000);
        expect(delay).toBeLessThanOrEqual(state.failures === 0 ? 3_600_000 : 30_000);
        expect(state.evidence.length).toBeLessThanOrEqual(20);
        expect(JSON.stringify(state).length).toBeLessThan(20_000);
      }
    }),
  );
});

test('a plain move is published at the first look, however often', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 60, size: 'max' }),
      (stays) => {
        // each address for two looks at least
        const sets = stays.flatMap((looks, index) =>
          Array.from({ length: looks + 1 }, () => [`10.0.${index >> 8}.${index & 255}`]),
        );
        const { stable } = play(looksOf(sets));
        expect(stable).toBe(stays.length);
      },
    ),
  );
});
