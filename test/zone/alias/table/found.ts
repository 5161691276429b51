import { ONE, TWO } from '../play.ts';
import { both, onlyA, type Row } from './row.ts';

export const FOUND: Row[] = [
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
