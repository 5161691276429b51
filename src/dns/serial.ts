/** SOA serials: 32-bit numbers on a ring (RFC 1982). */

export type SerialOrder = 'older' | 'equal' | 'newer' | 'incomparable';

/** The farthest that one addition may go (RFC 1982, 3.1). */
export const MAX_SERIAL_STEP = 0x7fffffff;

/** How `a` stands to `b` (RFC 1982, 3.2). Exactly half the ring apart is undefined there: `incomparable`. */
export function compareSerial(a: number, b: number): SerialOrder {
  const distance = (a - b) | 0;
  if (distance === 0) return 'equal';
  if (distance === -0x80000000) return 'incomparable';
  return distance > 0 ? 'newer' : 'older';
}

/** Whether `a` is newer than `b`, for certain. */
export function isNewer(a: number, b: number): boolean {
  return compareSerial(a, b) === 'newer';
}

/** The serial `step` further (RFC 1982, 3.1). Throws RangeError where a step can't be taken at once. */
export function addSerial(serial: number, step: number): number {
  if (!Number.isInteger(step) || step < 0 || step > MAX_SERIAL_STEP) {
    throw new RangeError(`serial step ${step}: 0 to ${MAX_SERIAL_STEP} is expected`);
  }
  return (serial + step) >>> 0;
}

/** The next serial. 0 is skipped, as some tools read it as "none". */
export function nextSerial(serial: number): number {
  return addSerial(serial, 1) || 1;
}
