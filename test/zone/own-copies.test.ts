import { expect, test } from 'vitest';
import { ownCopies } from '../../src/zone/own-copies.ts';

test('octets are the same, and keep nothing else in memory', () => {
  const small = Buffer.from('abc');
  expect(small.buffer.byteLength).toBeGreaterThan(1_000);
  const [one, none, two] = ownCopies(small, Buffer.alloc(0), Buffer.from('de'));
  expect([one, none, two].map((copy) => copy.toString())).toEqual(['abc', '', 'de']);
  expect(one.buffer.byteLength).toBe(5);
  expect(two.buffer).toBe(one.buffer);
  small[0] = 0;
  expect(one.toString()).toBe('abc');
});
