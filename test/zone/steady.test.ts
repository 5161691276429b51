import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide } from '../../src/zone/alias/decide.ts';
import { aliasPolicy } from '../../src/zone/alias/policy.ts';
import type { Seen } from '../../src/zone/alias/seen.ts';
import { type TargetState, unknownTarget } from '../../src/zone/alias/state.ts';
import {
  afterSteady,
  expectation,
  isSteady,
  plainAnswer,
  seenAsExpected,
  steadyKey,
} from '../../src/zone/alias/steady.ts';

const policy = aliasPolicy();
const resolver = '127.0.0.1:53';
const found = (addresses: string[], ttl = 300): Seen => ({ kind: 'found', addresses, ttl, resolver });
const both = { a: found(['203.0.113.1']), aaaa: found(['2001:db8::1']) };

function looked(looks: { a: Seen; aaaa: Seen }[], every = 300_000): { state: TargetState; now: number } {
  let state = unknownTarget();
  let now = 1_000_000;
  for (const look of looks) {
    state = decide(state, look, policy, now).state;
    now += every;
  }
  return { state, now };
}

test('a look that found the same is steady, whatever the cache counted down to its half', () => {
  const key = steadyKey(looked([both, both]).state, policy)!;
  expect(isSteady(key, both, policy)).toBe(true);
  expect(isSteady(key, { ...both, a: found(['203.0.113.1'], 150) }, policy)).toBe(true);
});

test('what is expected of a plain answer is a text, and the TTLs that prove nothing', () => {
  const key = steadyKey(looked([both, both]).state, policy)!;
  const { a, aaaa } = expectation(key, policy)!;
  expect(a).toEqual({ text: plainAnswer(resolver, '203.0.113.1', false), lowestTtl: 150, highestTtl: 330 });
  expect(aaaa.text).toBe(plainAnswer(resolver, '2001:db8::1', false));
  expect(isSteady(key, { a: seenAsExpected(a, 300), aaaa: seenAsExpected(aaaa, 150) }, policy)).toBe(true);
  expect(isSteady(key, { a: seenAsExpected(a, 149), aaaa: seenAsExpected(aaaa, 300) }, policy)).toBe(false);
  expect(expectation(key, aliasPolicy({ publishPrivate: false }))).toBeUndefined();
});

describe('a look is decided on where', () => {
  const key = steadyKey(looked([both, both]).state, policy)!;
  test.each<[string, { a?: Seen; aaaa?: Seen }]>([
    ['another address came', { ...both, a: found(['203.0.113.2']) }],
    ['one more came', { ...both, a: found(['203.0.113.1', '203.0.113.2']) }],
    ['the TTL is below its half', { ...both, a: found(['203.0.113.1'], 149) }],
    ['the TTL is longer', { ...both, aaaa: found(['2001:db8::1'], 331) }],
    ['another resolver said it', { ...both, a: { ...both.a, resolver: '127.0.0.2:53' } }],
    ['the chain is another', { ...both, a: { ...both.a, chain: ['x.example.'] } }],
    ['it was validated now', { ...both, a: { ...both.a, authentic: true } }],
    ['the resolver said more', { ...both, a: { ...both.a, extendedError: 'EDE 3 Stale Answer' } }],
    ['addresses were left out', { ...both, a: { ...both.a, leftOut: '127.0.0.1 (loopback)' } }],
    ['one family failed', { ...both, aaaa: { kind: 'failed', reason: 'timeout', detail: '' } }],
    ['one family is denied', { ...both, aaaa: { kind: 'nodata' } }],
    ['one family is not in yet', { a: both.a }],
  ])('%s', (_, look) => {
    expect(isSteady(key, look, policy)).toBe(false);
  });

  test('the settings are others', () => {
    expect(isSteady(key, both, aliasPolicy({ publishPrivate: false }))).toBe(false);
  });
});

test('a target that fails, is denied or rotates has no key', () => {
  const failed: Seen = { kind: 'failed', reason: 'timeout', detail: '' };
  const denied: Seen = { kind: 'nxdomain', resolver };
  for (const last of [
    { ...both, a: failed },
    { a: denied, aaaa: denied },
    { ...both, a: denied },
    { ...both, a: found(['203.0.113.7']) },
  ])
    expect(steadyKey(looked([both, both, last]).state, policy)).toBeUndefined();
  expect(steadyKey(unknownTarget(), policy)).toBeUndefined();
});

test('a target of one family alone has one once the denial of the other is confirmed', () => {
  const alone = { a: found(['203.0.113.1']), aaaa: { kind: 'nodata', resolver, ttl: 30 } as Seen };
  const { state } = looked([alone, alone, alone]);
  expect(isSteady(steadyKey(state, policy) ?? '', alone, policy)).toBe(true);
});

test('looks that are steady, decided on all the same, change nothing but times', () => {
  const seen = fc.record({
    addresses: fc.uniqueArray(fc.constantFrom('203.0.113.1', '203.0.113.2', '203.0.113.3'), { minLength: 1 }),
    ttl: fc.constantFrom(20, 60, 150, 290, 300, 320, 700),
    resolver: fc.constantFrom('127.0.0.1:53', '127.0.0.2:53'),
  });
  const toSeen = (one: { addresses: string[]; ttl: number; resolver: string }): Seen => ({
    kind: 'found',
    ...one,
  });
  let steady = 0;
  fc.assert(
    fc.property(
      fc.array(seen, { minLength: 1, maxLength: 8 }),
      seen,
      fc.integer({ min: 1, max: 900 }),
      (looks, last, pause) => {
        const { state, now } = looked(
          looks.map((look) => ({ a: toSeen(look), aaaa: both.aaaa })),
          pause * 1000,
        );
        const key = steadyKey(state, policy);
        const look = { a: toSeen({ ...last, addresses: [...last.addresses].sort() }), aaaa: both.aaaa };
        if (key === undefined || !isSteady(key, look, policy)) return;
        steady++;
        const decision = decide(state, look, policy, now);
        const timeless = ({ evidence: _, ...rest }: TargetState) =>
          JSON.stringify(rest, (name, value) => (['at', 'goodAt', 'expiresAt'].includes(name) ? 0 : value));
        expect(decision.changed).toBe(false);
        expect(decision.news).toEqual([]);
        expect(timeless(decision.state)).toBe(timeless(state));
        expect(timeless(afterSteady(state, 1, now))).toBe(timeless(state));
        const sums = ({ evidence }: TargetState) =>
          evidence.map(({ family, looks, to }) => [family, looks, to].join());
        expect(sums(afterSteady(state, 1, now)).sort()).toEqual(sums(decision.state).sort());
      },
    ),
    { numRuns: 3_000 },
  );
  expect(steady).toBeGreaterThan(20);
});
