import { ONE, SIX } from '../play.ts';
import { both, neither, onlyA, type Row } from './row.ts';

export const FORCED: Row[] = [
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
