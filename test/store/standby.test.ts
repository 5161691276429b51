import { expect, test } from 'vitest';
import { isWaitedFor, standbyName } from '../../src/store/standby/names.ts';

test.each([
  ['r1', true],
  ['R1', true],
  ['"r1"', true],
  ['FIRST 1 (r1)', true],
  ['first 2 (r1, r2)', true],
  ['ANY 2 (r2, "r1")', true],
  ['2 (r2, r1)', true],
  ['', false],
  ['r2', false],
  ['r1, r2', false],
  ['FIRST 1 (r1, r2)', false],
  ['ANY 1 (r1, r2)', false],
  ['*', false],
  ['ANY 2 (*, r1)', false],
  ['"r1x"', false],
  ['"a""r1"', false],
])('synchronous_standby_names = %s: every commit waits for r1: %s', (names, waits) => {
  expect(isWaitedFor(names, 'r1')).toBe(waits);
});

test('a quoted name may hold anything', () => {
  expect(isWaitedFor('"my ""replica"", 1"', 'my "replica", 1')).toBe(true);
});

test.each([
  ["host=/tmp port=5432 application_name=r1 fallback_application_name='walreceiver'", 'r1'],
  ["user=u fallback_application_name='the cluster'", 'the cluster'],
  ["application_name='it\\'s' port=1", "it's"],
  ['host=h', undefined],
])('%s is known as %s', (conninfo, name) => {
  expect(standbyName(conninfo)).toBe(name);
});
