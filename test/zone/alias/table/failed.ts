import { failed, found, ONE, type Played, SIX, TWO } from '../play.ts';
import { both, broken, type Row, range } from './row.ts';

export const FAILED: Row[] = [
  {
    name: 'what is published is held for as long as it takes',
    looks: [[0, both(ONE)], ...range(300, 3_000_000, 9_000).map((second): Played => [second, broken])],
    a: [ONE],
    aaaa: [SIX],
    serials: 1,
  },
  ...[1, 2, 4, 8, 15, 15, 15].map(
    (delay, index): Row => ({
      name: `look ${index + 1} that fails in a row is tried again after ${delay} s`,
      looks: [[0, both(ONE)], ...range(300, 301 + index, 1).map((second): Played => [second, broken])],
      policy: { refreshMin: 1_000 },
      due: 300 + index + delay,
    }),
  ),
  {
    name: 'one family that fails does not hold the other back',
    looks: [
      [0, both(ONE)],
      [300, { a: found(TWO), aaaa: failed }],
    ],
    a: [TWO],
    aaaa: [SIX],
    serials: 2,
  },
  {
    name: 'never seen before: nothing to hold',
    looks: [[0, broken]],
    a: [],
    aaaa: [],
    serials: 0,
    answered: false,
  },
  {
    name: 'before MAX_STALE everything stays, and the next look is not sooner than RETRY_MIN',
    looks: [
      [0, both(ONE)],
      [595, broken],
    ],
    policy: { maxStale: 600_000, onStale: 'withdraw', retryMin: 10_000 },
    a: [ONE],
    due: 605,
  },
  {
    name: 'the next look is when it runs out, where back-off would have it later',
    looks: [[0, both(ONE)], ...[570, 571, 573, 577, 585].map((second): Played => [second, broken])],
    policy: { maxStale: 600_000 },
    due: 600,
  },
  {
    name: 'after MAX_STALE with ON_STALE=withdraw the addresses go',
    looks: [
      [0, both(ONE)],
      [300, broken],
      [600, broken],
    ],
    policy: { maxStale: 600_000, onStale: 'withdraw' },
    a: [],
    aaaa: [],
    serials: 2,
    news: /A is withdrawn: no answer for 600 s \(MAX_STALE\)/,
  },
  {
    name: 'with ON_STALE=keep they stay',
    looks: [
      [0, both(ONE)],
      [600, broken],
    ],
    policy: { maxStale: 600_000, onStale: 'keep' },
    a: [ONE],
    serials: 1,
    stale: false,
  },
  {
    name: "with ON_STALE=fallback a record's fallback addresses are to stand in",
    looks: [
      [0, both(ONE)],
      [600, broken],
    ],
    policy: { maxStale: 600_000, onStale: 'fallback' },
    a: [ONE],
    serials: 1,
    stale: true,
    news: /fallback addresses stand in/,
  },
  {
    name: 'for one never seen, too',
    looks: [
      [0, broken],
      [600, broken],
    ],
    policy: { maxStale: 600_000 },
    stale: true,
    answered: false,
  },
  {
    name: 'an answer ends that',
    looks: [
      [0, both(ONE)],
      [600, broken],
      [601, both(ONE)],
    ],
    policy: { maxStale: 600_000 },
    a: [ONE],
    serials: 1,
    stale: false,
  },
];
