import { describe, expect, test } from 'vitest';
import { type Played, play } from './play.ts';
import { DENIED } from './table/denied.ts';
import { FAILED } from './table/failed.ts';
import { FOUND } from './table/found.ts';
import { ROTATING } from './table/rotating.ts';
import { TTL } from './table/ttl.ts';

const BACK = 3 * 3_600; // s

/** The looks from `index` on, by so many seconds earlier. */
const earlier = (looks: readonly Played[], index: number, seconds: number): Played[] =>
  looks.map(([second, ...rest], at) => [at < index ? second : second - seconds, ...rest]);

describe('a clock that is set back between two looks: they count as if no time had passed between', () => {
  test.each([...FOUND, ...TTL, ...FAILED, ...DENIED, ...ROTATING].map((row) => [row.name, row] as const))(
    '%s',
    (_name, row) => {
      const looks = [...row.looks];
      const middle = Math.floor(looks.length / 2);
      if (middle === 0) return;
      const [last, next] = [looks[middle - 1]?.[0] ?? 0, looks[middle]?.[0] ?? 0];
      const atOnce = play(earlier(looks, middle, next - last), row.policy);
      const setBack = play(earlier(looks, middle, next - last + BACK), row.policy);
      expect(setBack.state.a.addresses).toEqual(atOnce.state.a.addresses);
      expect(setBack.state.aaaa.addresses).toEqual(atOnce.state.aaaa.addresses);
      expect(setBack.state.a.exact).toEqual(atOnce.state.a.exact);
      expect(setBack.state.a.ttl).toBe(atOnce.state.a.ttl);
      expect(setBack.stable).toBe(atOnce.stable);
      expect(setBack.dueAt).toBe(atOnce.dueAt - BACK);
      expect(setBack.news).toEqual(atOnce.news);
    },
  );
});

test('clocks of several machines that are a little apart change nothing of what is known', () => {
  const { state } = play([[0, { a: { kind: 'found', addresses: ['192.0.2.1'], ttl: 60 } }]]);
  const later = play([[-4, { a: { kind: 'nodata' } }]], {}, state).state;
  expect(later.a.goodAt - state.a.goodAt).toBe(-4_000);
  expect(later.evidence.at(-1)?.to).toBe(state.evidence[0]?.to);
});
