import { expect } from 'vitest';
import type { Measured } from './measure.ts';

const MB = 1024 * 1024;
/** What young objects, and the buffers of so many connections, may take. */
const MOST_GROWN = 160 * MB;

/** Everybody who may ask was answered, and memory has stayed within bounds. */
export function holds({ answered, failed, memory }: Measured): void {
  expect(failed).toEqual([]);
  for (const times of Object.values(answered)) expect(times.length).toBeGreaterThan(0);
  expect((memory.peak - memory.before) / MB).toBeLessThan(MOST_GROWN / MB);
}
