import { isNewer, nextSerial } from '../dns/serial.ts';

export type SerialPolicy = 'increment' | 'date' | 'unixtime';

/**
 * The serial of the next version. `now` in milliseconds. `date` is YYYYMMDDnn in UTC, `unixtime` seconds; both only where that is newer
 * than the current one, else one more than it: a clock that steps back, or more than a hundred changes a day, never lower a serial
 * (RFC 1982).
 */
export function serialAfter(current: number, policy: SerialPolicy, now: number): number {
  const wished = wish(policy, now);
  if (wished !== undefined && isNewer(wished, current)) return wished;
  return nextSerial(current);
}

/** The serial of the first version of a zone that was given `start`: 1, or past the last one of a deleted zone of that name. */
export function firstSerial(start: number, policy: SerialPolicy, now: number): number {
  const wished = wish(policy, now);
  return wished !== undefined && isNewer(wished, start) ? wished : start;
}

function wish(policy: SerialPolicy, now: number): number | undefined {
  // 0 is left out, as some tools read it as "none": 1970 does come back, in 2106
  if (policy === 'unixtime') return Math.floor(now / 1000) >>> 0 || undefined;
  if (policy === 'date') return Number(new Date(now).toISOString().slice(0, 10).replaceAll('-', '')) * 100;
  return undefined;
}
