import { ONE, type Played, TWO } from '../play.ts';
import { onlyA, type Row } from './row.ts';

export const TTL: Row[] = [
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
