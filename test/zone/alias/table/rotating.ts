import { looksOf, ONE, type Played, play, subsets, TWO } from '../play.ts';
import { broken, onlyA, type Row, range, repeat } from './row.ts';

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

export const ROTATING: Row[] = [
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
