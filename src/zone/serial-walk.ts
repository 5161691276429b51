import { addSerial, compareSerial, isNewer, MAX_SERIAL_STEP, nextSerial } from '../dns/serial.ts';

/** A secondary ahead by less than this is followed unasked; farther is more likely a mistake, and half the ring is gone with it. */
export const FOLLOWED_UNASKED = 2 ** 30;

/**
 * By how much a serial that a secondary has shown is ahead of ours, so that it would take no version of ours; 0 where it is not. Half
 * the ring, where RFC 1982 knows no order, counts as ahead: most servers stay where they are then.
 */
export function aheadBy(shown: number, ours: number): number {
  const order = compareSerial(shown, ours);
  return order === 'newer' || order === 'incomparable' ? (shown - ours) >>> 0 : 0;
}

/**
 * The serials to publish one after another so that secondaries at `ours` and at `after` both follow; none where `ours` is past `after`.
 * One step goes half the ring at most (RFC 1982, section 3.1): what is farther takes two, and everybody has to have the first
 * before the second is published.
 */
export function stepsPast(ours: number, after: number): number[] {
  if (isNewer(ours, after)) return [];
  const target = nextSerial(after);
  if (isNewer(target, ours)) return [target];
  // 0 is left out, as some tools read it as "none"
  return [addSerial(ours, MAX_SERIAL_STEP) || addSerial(ours, MAX_SERIAL_STEP - 1), target];
}

/** The command that walks past a serial. */
export function walkCommand(zone: string, after: number): string {
  return `zoneferry zone serial ${zone} --after ${after}`;
}
