import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide } from '../../src/zone/alias/decide.ts';
import { aliasPolicy } from '../../src/zone/alias/policy.ts';
import type { Seen, TargetLook } from '../../src/zone/alias/seen.ts';
import { type TargetState, unknownTarget } from '../../src/zone/alias/state.ts';

const SECOND = 1000;
const policy = aliasPolicy();
const START = Date.UTC(2026, 0, 1);

const found = (addresses: string[], ttl = 300): Seen => ({ kind: 'found', addresses, ttl });
const nodata: Seen = { kind: 'nodata' };
const nxdomain: Seen = { kind: 'nxdomain' };
const failed: Seen = { kind: 'failed', reason: 'servfail', detail: 'the resolver said so' };

/** Plays looks, each at its second, and returns the last decision and how many of them changed what is published. */
function play(looks: [second: number, look: TargetLook][], from: TargetState = unknownTarget()) {
  let state = from;
  let changes = 0;
  let dueAt = 0;
  for (const [second, look] of looks) {
    const decision = decide(state, look, policy, START + second * SECOND);
    state = decision.state;
    dueAt = (decision.dueAt - START) / SECOND;
    if (decision.changed) changes++;
  }
  return { state, changes, dueAt };
}

describe('found', () => {
  test('a first answer is published, and looked at again when its TTL runs out', () => {
    const { state, changes, dueAt } = play([[0, { a: found(['192.0.2.1']), aaaa: nodata }]]);
    expect(state.a.addresses).toEqual(['192.0.2.1']);
    expect(changes).toBe(1);
    expect(dueAt).toBe(300);
  });
  test('order is no difference', () => {
    const { changes } = play([
      [0, { a: found(['192.0.2.1', '192.0.2.2']), aaaa: nodata }],
      [300, { a: found(['192.0.2.2', '192.0.2.1']), aaaa: nodata }],
    ]);
    expect(changes).toBe(1);
  });
  test('another set is published', () => {
    const { state, changes } = play([
      [0, { a: found(['192.0.2.1']), aaaa: nodata }],
      [300, { a: found(['192.0.2.9']), aaaa: nodata }],
    ]);
    expect(state.a.addresses).toEqual(['192.0.2.9']);
    expect(changes).toBe(2);
  });
  test('the next look is within REFRESH_MIN and REFRESH_MAX', () => {
    expect(play([[0, { a: found(['192.0.2.1'], 1), aaaa: nodata }]]).dueAt).toBe(30);
    expect(play([[0, { a: found(['192.0.2.1'], 86_400), aaaa: nodata }]]).dueAt).toBe(3600);
  });
});

describe('TTL', () => {
  test("a cache's countdown changes nothing", () => {
    const looks = Array.from({ length: 120 }, (_, second): [number, TargetLook] => [
      second,
      { a: found(['192.0.2.1'], 60 - (second % 60)), aaaa: nodata },
    ]);
    const { state, changes } = play(looks);
    expect(changes).toBe(1);
    expect(state.a.ttl).toBe(60);
  });
  test('a first look late in a countdown is raised once, when a later one proves it longer', () => {
    const { state, changes } = play([
      [0, { a: found(['192.0.2.1'], 7), aaaa: nodata }],
      [30, { a: found(['192.0.2.1'], 277), aaaa: nodata }],
      [330, { a: found(['192.0.2.1'], 300), aaaa: nodata }],
      [660, { a: found(['192.0.2.1'], 290), aaaa: nodata }],
    ]);
    expect(state.a.ttl).toBe(277);
    expect(changes).toBe(2);
  });
  test('a TTL that was cut to less than half counts when two looks just after expiry prove it', () => {
    const looks: [number, TargetLook][] = [
      [0, { a: found(['192.0.2.1'], 3600), aaaa: nodata }],
      [3600, { a: found(['192.0.2.1'], 60), aaaa: nodata }],
    ];
    expect(play(looks).state.a.ttl).toBe(3600);
    const { state, changes } = play([...looks, [3661, { a: found(['192.0.2.1'], 60), aaaa: nodata }]]);
    expect(state.a.ttl).toBe(60);
    expect(changes).toBe(2);
  });
  test('low TTLs from the middle of countdowns prove nothing', () => {
    const { changes } = play([
      [0, { a: found(['192.0.2.1'], 300), aaaa: nodata }],
      [290, { a: found(['192.0.2.1'], 10), aaaa: nodata }],
      [295, { a: found(['192.0.2.1'], 5), aaaa: nodata }],
      [590, { a: found(['192.0.2.1'], 10), aaaa: nodata }],
      [890, { a: found(['192.0.2.1'], 10), aaaa: nodata }],
    ]);
    expect(changes).toBe(1);
  });
});

describe('failed', () => {
  test('holds what is published, for as long as it takes, and backs off to RETRY_MAX (REFRESH_MIN where that is larger)', () => {
    const looks: [number, TargetLook][] = [[0, { a: found(['192.0.2.1']), aaaa: nodata }]];
    const dues: number[] = [];
    for (let second = 300; second < 40_000; second += 300) {
      looks.push([second, { a: failed, aaaa: failed }]);
      if (dues.length < 7) dues.push(play(looks).dueAt - second);
    }
    const { state, changes } = play(looks);
    expect(state.a.addresses).toEqual(['192.0.2.1']);
    expect(changes).toBe(1);
    expect(dues).toEqual([1, 2, 4, 8, 16, 30, 30]);
  });
  test('one family that fails does not hold the other back', () => {
    const { state, changes } = play([
      [0, { a: found(['192.0.2.1']), aaaa: found(['2001:db8::1']) }],
      [300, { a: found(['192.0.2.2']), aaaa: failed }],
    ]);
    expect(state.a.addresses).toEqual(['192.0.2.2']);
    expect(state.aaaa.addresses).toEqual(['2001:db8::1']);
    expect(changes).toBe(2);
  });
});

describe('denied', () => {
  test('one family, while the other is there, is withdrawn when seen twice in a row', () => {
    const first: [number, TargetLook][] = [
      [0, { a: found(['192.0.2.1']), aaaa: found(['2001:db8::1']) }],
      [300, { a: found(['192.0.2.1']), aaaa: nodata }],
    ];
    expect(play(first)).toMatchObject({ changes: 1, dueAt: 301 });
    expect(play(first).state.aaaa.addresses).toEqual(['2001:db8::1']);
    const { state, changes } = play([...first, [301, { a: found(['192.0.2.1']), aaaa: nodata }]]);
    expect(state.aaaa.addresses).toEqual([]);
    expect(changes).toBe(2);
  });
  test('both families are held for NEGATIVE_HOLD, then withdrawn', () => {
    const looks: [number, TargetLook][] = [
      [0, { a: found(['192.0.2.1']), aaaa: found(['2001:db8::1']) }],
      [300, { a: nxdomain, aaaa: nxdomain }],
      [1199, { a: nxdomain, aaaa: nxdomain }],
    ];
    expect(play(looks)).toMatchObject({ changes: 1, dueAt: 1200 });
    const { state, changes } = play([...looks, [1200, { a: nxdomain, aaaa: nxdomain }]]);
    expect([state.a.addresses, state.aaaa.addresses]).toEqual([[], []]);
    expect(changes).toBe(2);
  });
  test('a target never seen stays unanswered until its denial outlasted the hold', () => {
    expect(play([[0, { a: nxdomain, aaaa: nxdomain }]])).toMatchObject({
      changes: 0,
      state: { answered: false },
    });
    expect(
      play([
        [0, { a: nxdomain, aaaa: nxdomain }],
        [900, { a: nxdomain, aaaa: nxdomain }],
      ]),
    ).toMatchObject({ changes: 1, state: { answered: true } });
  });
  test('force takes a denial at its word, and a failure never', () => {
    const state = play([[0, { a: found(['192.0.2.1']), aaaa: nodata }]]).state;
    expect(
      decide(state, { a: nxdomain, aaaa: nxdomain }, policy, START, 'everything').state.a.addresses,
    ).toEqual([]);
    expect(decide(state, { a: failed, aaaa: failed }, policy, START, 'everything').state.a.addresses).toEqual(
      ['192.0.2.1'],
    );
  });
});

describe('properties', () => {
  const seen = fc.oneof(
    fc.constant(failed),
    fc.record({
      kind: fc.constant('found' as const),
      addresses: fc.array(fc.constantFrom('192.0.2.1', '192.0.2.2', '192.0.2.3'), { minLength: 1 }),
      ttl: fc.integer({ min: 0, max: 4000 }),
    }),
  );
  test('no sequence of failures ever empties a set that was published', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(seen, seen), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 100_000 }),
        (pairs, step) => {
          let state = unknownTarget();
          pairs.forEach(([a, aaaa], index) => {
            const after = decide(state, { a, aaaa }, policy, START + index * step).state;
            if (state.a.addresses.length > 0) expect(after.a.addresses.length).toBeGreaterThan(0);
            if (state.aaaa.addresses.length > 0) expect(after.aaaa.addresses.length).toBeGreaterThan(0);
            state = after;
          });
        },
      ),
    );
  });
  test('equal sets never change the addresses, and the next look is never in the past', () => {
    fc.assert(
      fc.property(
        fc.array(fc.shuffledSubarray(['192.0.2.1', '192.0.2.2', '192.0.2.3'], { minLength: 3 }), {
          minLength: 2,
          maxLength: 10,
        }),
        (orders) => {
          const { changes, dueAt } = play(
            orders.map((addresses, index) => [index * 300, { a: found(addresses), aaaa: nodata }]),
          );
          expect(changes).toBe(1);
          expect(dueAt).toBeGreaterThan((orders.length - 1) * 300);
        },
      ),
    );
  });
});
