import { describe, expect, test } from 'vitest';
import type { AliasPolicy } from '../../../src/zone/alias/policy.ts';
import type { Seen } from '../../../src/zone/alias/seen.ts';
import {
  failed,
  found,
  looksOf,
  nodata,
  nxdomain,
  ONE,
  type Played,
  play,
  SIX,
  subsets,
  TWO,
} from './play.ts';

// The decision, a row each: what was seen, and what comes of it. docs/aliases.md has the table for people.

interface Row {
  name: string;
  looks: Played[];
  policy?: Partial<AliasPolicy>;
  /** What is published in the end, and the serials that it took. */
  a?: string[] | undefined;
  aaaa?: string[];
  serials?: number;
  /** What aliases with `exact` answers publish in the end. */
  exact?: string[];
  ttl?: number;
  /** The second of the next look. */
  due?: number;
  answered?: boolean;
  stale?: boolean;
  news?: RegExp;
}

const both = (a: string, aaaa = SIX) => ({ a: found(a), aaaa: found(aaaa) });
const onlyA = (a: string | string[], ttl = 300) => ({ a: found(a, ttl), aaaa: nodata });
const neither = { a: nxdomain, aaaa: nxdomain };
const broken = { a: failed, aaaa: failed };
const by = (resolver: string, ttl: number): Seen => ({ kind: 'nodata', resolver, ttl });

const FOUND: Row[] = [
  {
    name: 'a first answer is published, and looked at again when its TTL runs out',
    looks: [[0, onlyA(ONE)]],
    a: [ONE],
    serials: 1,
    due: 300,
    answered: true,
  },
  {
    name: 'order is no difference',
    looks: [
      [0, onlyA([ONE, TWO])],
      [300, onlyA([TWO, ONE])],
    ],
    a: [ONE, TWO],
    serials: 1,
  },
  {
    name: 'nor is the same address twice',
    looks: [
      [0, onlyA([ONE])],
      [300, onlyA([ONE, ONE])],
    ],
    a: [ONE],
    serials: 1,
  },
  {
    name: 'another set is published at once',
    looks: [
      [0, onlyA(ONE)],
      [300, onlyA(TWO)],
    ],
    a: [TWO],
    serials: 2,
  },
  {
    name: 'A and AAAA that change in one look are one change',
    looks: [
      [0, both(ONE)],
      [300, both(TWO, '2001:db8::2')],
    ],
    a: [TWO],
    aaaa: ['2001:db8::2'],
    serials: 2,
  },
  { name: 'the next look is not before REFRESH_MIN', looks: [[0, onlyA(ONE, 1)]], due: 30 },
  { name: 'nor after REFRESH_MAX', looks: [[0, onlyA(ONE, 86_400)]], due: 3600 },
];

const TTL: Row[] = [
  {
    name: "a cache's countdown changes nothing",
    looks: Array.from({ length: 120 }, (_, second): Played => [second, onlyA(ONE, 60 - (second % 60))]),
    serials: 1,
    ttl: 60,
  },
  {
    name: 'a first look late in a countdown is raised once, when a later one proves it longer; near-equal is equal',
    looks: [
      [0, onlyA(ONE, 7)],
      [30, onlyA(ONE, 277)],
      [330, onlyA(ONE, 300)],
      [660, onlyA(ONE, 290)],
    ],
    serials: 2,
    ttl: 277,
  },
  {
    name: 'one look just after expiry with less than half does not lower it yet',
    looks: [
      [0, onlyA(ONE, 3600)],
      [3600, onlyA(ONE, 60)],
    ],
    serials: 1,
    ttl: 3600,
  },
  {
    name: 'two in a row that agree do',
    looks: [
      [0, onlyA(ONE, 3600)],
      [3600, onlyA(ONE, 60)],
      [3661, onlyA(ONE, 60)],
    ],
    serials: 2,
    ttl: 60,
  },
  {
    name: 'two that do not agree prove several caches, and nothing of the TTL',
    looks: [
      [0, onlyA(ONE, 3600)],
      [3600, onlyA(ONE, 60)],
      [3661, onlyA(ONE, 900)],
    ],
    serials: 1,
    ttl: 3600,
  },
  {
    name: 'two in a row that prove it more than twice as long raise it',
    looks: [
      [0, onlyA(ONE, 60)],
      [60, onlyA(ONE, 70)],
      [130, onlyA(ONE, 600)],
      [730, onlyA(ONE, 600)],
    ],
    serials: 3,
    ttl: 600,
  },
  {
    name: 'a lowering that was refuted is not believed a second time so soon',
    looks: [
      [0, onlyA(ONE, 3600)],
      [3600, onlyA(ONE, 60)],
      [3661, onlyA(ONE, 60)],
      [3721, onlyA(ONE, 3600)],
      [3751, onlyA(ONE, 3570)],
      [7321, onlyA(ONE, 60)],
      [7381, onlyA(ONE, 60)],
    ],
    serials: 3,
    ttl: 3600,
  },
  {
    name: 'low TTLs from the middle of countdowns prove nothing',
    looks: [
      [0, onlyA(ONE, 300)],
      [290, onlyA(ONE, 10)],
      [295, onlyA(ONE, 5)],
      [590, onlyA(ONE, 10)],
      [890, onlyA(ONE, 10)],
    ],
    serials: 1,
    ttl: 300,
  },
  {
    name: 'a new set takes a TTL that it proves along, at no cost',
    looks: [
      [0, onlyA(ONE, 3600)],
      [3600, onlyA(TWO, 60)],
    ],
    serials: 2,
    ttl: 60,
  },
];

const FAILED: Row[] = [
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

const DENIED: Row[] = [
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

const ROTATION_OF_EIGHT = looksOf(subsets(8, 40, 20), 10);
const frozen = play(ROTATION_OF_EIGHT).state.a.addresses;
const withLast = (...sets: string[][]) => [...ROTATION_OF_EIGHT, ...looksOf(sets, 10, 200)];
// 2 of 4: published is .1 and .2, and .1 was in none of the last nine looks
const HALF_GONE = looksOf(
  [
    ['192.0.2.1', '192.0.2.2'],
    ['192.0.2.3', '192.0.2.4'],
    ['192.0.2.1', '192.0.2.3'],
    ['192.0.2.1', '192.0.2.2'],
    ['192.0.2.1', '192.0.2.4'],
    ...repeat([['192.0.2.2', '192.0.2.3']], 9),
  ],
  30,
);
const NEW = ['203.0.113.1', '203.0.113.2', '203.0.113.3', '203.0.113.4'];

const ROTATING: Row[] = [
  {
    name: 'over to another address and back is no rotation: each answer is published',
    looks: looksOf([[ONE], [TWO], [ONE], [TWO]]),
    a: [TWO],
    serials: 4,
  },
  {
    name: 'nor are some moves in a row',
    looks: looksOf(range(1, 10, 1).map((last) => [`192.0.2.${last}`])),
    a: ['192.0.2.9'],
    serials: 9,
  },
  {
    name: 'the third look that brings back an address that had gone shows a rotation: what is published stays',
    looks: looksOf([[ONE], [TWO], [ONE], [TWO], [ONE]]),
    a: [TWO],
    exact: [ONE],
    serials: 4,
    news: /A answers rotate/,
  },
  {
    name: '8 of 40: four serials until it is known, none while all keep appearing',
    looks: ROTATION_OF_EIGHT,
    serials: 4,
    a: frozen,
  },
  {
    name: 'an address gone for the whole window is replaced, it alone',
    looks: looksOf([[ONE], [TWO], [ONE], [TWO], [ONE], ...repeat([[ONE, '192.0.2.3'], [ONE]], 10)], 30),
    // TWO was published when the rotation was recognised
    a: [ONE, '192.0.2.3'],
    serials: 5,
  },
  {
    name: 'nothing is mixed into what is published by a look that shares nothing with it',
    looks: [...HALF_GONE, ...looksOf([['192.0.2.3', '192.0.2.4']], 30, 30 * HALF_GONE.length)],
    a: ['192.0.2.1', '192.0.2.2'],
    serials: 4,
  },
  {
    name: 'by the next one that does',
    looks: [
      ...HALF_GONE,
      ...looksOf(
        [
          ['192.0.2.3', '192.0.2.4'],
          ['192.0.2.2', '192.0.2.4'],
        ],
        30,
        30 * HALF_GONE.length,
      ),
    ],
    a: ['192.0.2.2', '192.0.2.4'],
    serials: 5,
  },
  {
    name: 'a clean break moves at its third look, whatever the floor',
    looks: withLast(NEW.slice(0, 3), NEW.slice(1, 4), NEW.slice(0, 3)),
    a: NEW.slice(0, 3),
    serials: 5,
  },
  { name: 'not at its second', looks: withLast(NEW.slice(0, 3), NEW.slice(1, 4)), a: frozen, serials: 4 },
  {
    name: 'looks that share nothing with each other are none',
    looks: withLast(['203.0.113.1'], ['203.0.113.2'], ['203.0.113.3'], ['203.0.113.4']),
    a: frozen,
    serials: 4,
  },
  {
    name: 'a large pool: one whole answer each time that the floor allows',
    looks: looksOf(subsets(4, 5_000, 100), 30),
    // ten until it is known; the 90 looks after that are 2,700 s
    serials: 10 + 9,
    a: subsets(4, 5_000, 100).at(-1)?.sort(),
  },
  {
    name: 'a whole window of equal answers ends the rotation, and is published as it is',
    looks: withLast(...repeat([frozen.slice(0, 4)], 12)),
    a: frozen.slice(0, 4),
    serials: 5,
  },
  {
    name: 'ten equal answers in less than the window end nothing',
    looks: [
      ...ROTATION_OF_EIGHT,
      ...range(200, 212, 1).map((second): Played => [second, onlyA(frozen.slice(0, 4), 10)]),
    ],
    a: frozen,
    serials: 4,
  },
  {
    name: 'answers out of the same cache end nothing',
    looks: [
      ...ROTATION_OF_EIGHT,
      ...range(200, 300, 1).map((second): Played => [second, onlyA(frozen.slice(0, 4), 1000 - second)]),
    ],
    a: frozen,
  },
  {
    name: 'a forced look publishes what it finds',
    looks: [...ROTATION_OF_EIGHT, [200, onlyA([ONE]), 'damping']],
    a: [ONE],
    serials: 5,
  },
  {
    name: 'a failed one does not, forced or not',
    looks: [...ROTATION_OF_EIGHT, [200, broken, 'everything']],
    a: frozen,
    serials: 4,
  },
];

const FORCED: Row[] = [
  {
    name: 'everything: a denial of one family is taken at its word',
    looks: [
      [0, both(ONE)],
      [1, onlyA(ONE), 'everything'],
    ],
    aaaa: [],
    serials: 2,
  },
  {
    name: 'and one of both',
    looks: [
      [0, both(ONE)],
      [1, neither, 'everything'],
    ],
    a: [],
    aaaa: [],
    serials: 2,
  },
  {
    name: 'damping alone: it is not',
    looks: [
      [0, both(ONE)],
      [1, neither, 'damping'],
    ],
    a: [ONE],
    aaaa: [SIX],
    serials: 1,
  },
];

const ADDRESSES: Row[] = [
  {
    name: 'what leads nowhere is left out of a set',
    looks: [[0, onlyA([ONE, '127.0.0.1', '0.0.0.0', '169.254.1.1', '224.0.0.1', '255.255.255.255'])]],
    a: [ONE],
    news: /left out 127\.0\.0\.1 \(loopback\), 0\.0\.0\.0 \(unspecified\)/,
  },
  {
    name: 'so is what is no address at all',
    looks: [[0, onlyA([ONE, 'nonsense'])]],
    a: [ONE],
    news: /left out nonsense \(no address\)/,
  },
  {
    name: 'in IPv6, and in IPv6 clothes',
    looks: [[0, { a: nodata, aaaa: found(['::', '::1', 'fe80::1', 'ff02::1', '::ffff:127.0.0.1', SIX]) }]],
    aaaa: [SIX],
  },
  {
    name: 'a set with none left is a failure, not an empty answer',
    looks: [
      [0, onlyA(ONE)],
      [300, onlyA('127.0.0.1')],
    ],
    a: [ONE],
    serials: 1,
  },
  {
    name: 'private ones are published',
    looks: [[0, { a: found(['10.0.0.1', '100.64.0.1']), aaaa: found('fd00::1') }]],
    a: ['10.0.0.1', '100.64.0.1'],
    aaaa: ['fd00::1'],
  },
  {
    name: 'unless PUBLISH_PRIVATE=off',
    looks: [
      [
        0,
        {
          a: found(['10.0.0.1', '172.16.0.1', '172.32.0.1', '192.168.1.1', '100.127.0.1']),
          aaaa: found(['fd00::1', '::ffff:10.0.0.1', SIX]),
        },
      ],
    ],
    policy: { publishPrivate: false },
    a: ['172.32.0.1'],
    aaaa: [SIX],
  },
  {
    name: 'those for documentation not with PUBLISH_DOCUMENTATION=off',
    looks: [
      [0, { a: found(['198.51.100.1', '203.0.113.1', ONE, '9.9.9.9']), aaaa: found([SIX, '3fff::1']) }],
    ],
    policy: { publishDocumentation: false },
    a: ['9.9.9.9'],
    aaaa: [],
  },
];

function range(from: number, to: number, step: number): number[] {
  return Array.from({ length: Math.ceil((to - from) / step) }, (_, at) => from + at * step);
}

function repeat<T>(items: readonly T[], times: number): T[] {
  return Array.from({ length: times }, () => items).flat();
}

describe.each([
  ['found', FOUND],
  ['TTL', TTL],
  ['failed', FAILED],
  ['denied', DENIED],
  ['rotating', ROTATING],
  ['forced', FORCED],
  ['addresses', ADDRESSES],
] as const)('%s', (_, rows) => {
  test.each(rows.map((row) => [row.name, row] as const))('%s', (_name, row) => {
    const { state, stable, dueAt, news } = play(row.looks, row.policy);
    const { a, aaaa } = state;
    if (row.a) expect(a.addresses).toEqual(row.a);
    if (row.aaaa) expect(aaaa.addresses).toEqual(row.aaaa);
    if (row.exact) expect(a.exact).toEqual(row.exact);
    if (row.serials !== undefined) expect(stable).toBe(row.serials);
    if (row.ttl !== undefined) expect(a.ttl).toBe(row.ttl);
    if (row.due !== undefined) expect(dueAt).toBe(row.due);
    if (row.answered !== undefined) expect(state.answered).toBe(row.answered);
    if (row.stale !== undefined) expect(a.stale === true).toBe(row.stale);
    if (row.news) expect(news.join('\n')).toMatch(row.news);
  });
});
