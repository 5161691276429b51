import { expect, test } from 'vitest';
import { RequestQueue } from '../../src/transfer/request-queue.ts';
import { Strangers } from '../../src/transfer/strangers.ts';
import { MemoryRegistry } from '../support/memory-zones.ts';

test('all strangers share one budget, and registered addresses are never counted', () => {
  const registry = new MemoryRegistry();
  registry.add('s1');
  const [address = ''] = registry.registrations()[0]?.addresses ?? [];
  const strangers = new Strangers(registry, 10);
  expect(strangers.isStranger(address)).toBe(false);
  let answered = 0;
  for (let count = 0; count < 1_000; count++) if (strangers.mayAsk(`192.0.2.${count % 250}`)) answered++;
  expect(answered).toBeGreaterThanOrEqual(10);
  expect(answered).toBeLessThan(100);
  for (let count = 0; count < 1_000; count++) expect(strangers.mayAsk(address)).toBe(true);
});

test('who is registered meanwhile is no stranger any more', () => {
  const registry = new MemoryRegistry();
  const strangers = new Strangers(registry, 0);
  expect(strangers.mayAsk('127.0.0.1')).toBe(false);
  registry.add('s1');
  const [address = ''] = registry.registrations()[0]?.addresses ?? [];
  expect(strangers.mayAsk(address)).toBe(true);
});

test('waiting requests are bounded by their number and by their octets', () => {
  const many = new RequestQueue(3);
  for (let count = 0; count < 3; count++) {
    expect(many.isFull).toBe(false);
    many.push(Buffer.alloc(20));
  }
  expect(many.isFull).toBe(true);
  many.shift();
  expect(many.isFull).toBe(false);

  const long = new RequestQueue(32);
  long.push(Buffer.alloc(65_535));
  expect(long.isFull).toBe(false);
  long.push(Buffer.alloc(12));
  expect(long.isFull).toBe(true);
  long.clear();
  expect([long.length, long.isFull, long.shift()]).toEqual([0, false, undefined]);
});
