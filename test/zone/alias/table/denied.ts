import { failed, found, nodata, ONE, SIX } from '../play.ts';
import { both, broken, by, neither, onlyA, type Row } from './row.ts';

export const DENIED: Row[] = [
  {
    name: 'one family, the other there: the first denial withdraws nothing, and is looked at again soon',
    looks: [
      [0, both(ONE)],
      [300, onlyA(ONE)],
    ],
    aaaa: [SIX],
    serials: 1,
    due: 301,
  },
  {
    name: 'a second one RETRY_MIN later does',
    looks: [
      [0, both(ONE)],
      [300, onlyA(ONE)],
      [301, onlyA(ONE)],
    ],
    a: [ONE],
    aaaa: [],
    serials: 2,
    news: /AAAA is withdrawn: no such record/,
  },
  {
    name: 'a sooner one does not',
    looks: [
      [0, both(ONE)],
      [300, onlyA(ONE)],
      [300.5, onlyA(ONE)],
    ],
    aaaa: [SIX],
    serials: 1,
  },
  {
    name: 'one out of the same cache does not',
    looks: [
      [0, both(ONE)],
      [300, { a: found(ONE), aaaa: by('192.0.2.53', 600) }],
      [400, { a: found(ONE), aaaa: by('192.0.2.53', 500) }],
    ],
    aaaa: [SIX],
    serials: 1,
  },
  {
    name: 'one that is not out of that cache any more does',
    looks: [
      [0, both(ONE)],
      [300, { a: found(ONE), aaaa: by('192.0.2.53', 60) }],
      [360, { a: found(ONE), aaaa: by('192.0.2.53', 60) }],
    ],
    aaaa: [],
    serials: 2,
  },
  {
    name: 'nor does anybody wait for a cache for longer than NEGATIVE_HOLD',
    looks: [
      [0, both(ONE)],
      [300, { a: found(ONE), aaaa: by('192.0.2.53', 86_400) }],
      [1200, { a: found(ONE), aaaa: by('192.0.2.53', 85_500) }],
    ],
    aaaa: [],
    serials: 2,
  },
  {
    name: 'one from another resolver does at once',
    looks: [
      [0, both(ONE)],
      [300, { a: found(ONE), aaaa: by('192.0.2.53', 600) }],
      [300.1, { a: found(ONE), aaaa: by('192.0.2.54', 600) }],
    ],
    aaaa: [],
    serials: 2,
  },
  {
    name: 'an answer between them begins it anew',
    looks: [
      [0, both(ONE)],
      [300, onlyA(ONE)],
      [301, both(ONE)],
      [600, onlyA(ONE)],
    ],
    aaaa: [SIX],
    serials: 1,
  },
  {
    name: 'a failure between them says nothing',
    looks: [
      [0, both(ONE)],
      [300, onlyA(ONE)],
      [301, { a: found(ONE), aaaa: failed }],
      [303, onlyA(ONE)],
    ],
    aaaa: [],
    serials: 2,
  },
  {
    name: 'one family denied while the other fails: held',
    looks: [
      [0, both(ONE)],
      [300, { a: failed, aaaa: nodata }],
      [400, { a: failed, aaaa: nodata }],
    ],
    a: [ONE],
    aaaa: [SIX],
    serials: 1,
  },
  {
    name: 'both: held for NEGATIVE_HOLD, looked at when it runs out',
    looks: [
      [0, both(ONE)],
      [300, neither],
      [1199, neither],
    ],
    a: [ONE],
    aaaa: [SIX],
    serials: 1,
    due: 1200,
  },
  {
    name: 'then withdrawn',
    looks: [
      [0, both(ONE)],
      [300, neither],
      [1200, neither],
    ],
    a: [],
    aaaa: [],
    serials: 2,
    news: /A is withdrawn: no such name, for both families/,
  },
  {
    name: 'a failure at its end does not count for a denial',
    looks: [
      [0, both(ONE)],
      [300, neither],
      [1200, broken],
    ],
    a: [ONE],
    serials: 1,
  },
  {
    name: 'a target with A alone is held as long',
    looks: [
      [0, onlyA(ONE)],
      [300, { a: nodata, aaaa: nodata }],
      [1199, { a: nodata, aaaa: nodata }],
    ],
    a: [ONE],
    serials: 1,
  },
  {
    name: 'EMPTY_TARGET=hold never withdraws',
    looks: [
      [0, both(ONE)],
      [300, neither],
      [100_000, neither],
      [100_001, neither, 'everything'],
    ],
    policy: { emptyTarget: 'hold' },
    a: [ONE],
    aaaa: [SIX],
    serials: 1,
  },
  {
    name: 'never seen before: unanswered until the denial outlasted the hold',
    looks: [[0, neither]],
    serials: 0,
    answered: false,
  },
  {
    name: 'and answered then',
    looks: [
      [0, neither],
      [900, neither],
    ],
    serials: 1,
    a: [],
    answered: true,
  },
];
