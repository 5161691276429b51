/** Milliseconds from an answered NOTIFY to the first looks, made from memory: most secondaries have it by then. */
export const FIRST_LOOKS: readonly number[] = [20, 300];
/** Milliseconds from a transfer that went out to the looks after it. */
export const LOOKS_AFTER_TRANSFER: readonly number[] = [2, 20, 100, 500];

const SECOND = 1_000;
const LONGEST = 3_600 * SECOND;
/** Misses after which NOTIFY is sent again at each further one. */
const MISSES_BEFORE_NOTIFY = 3;

/** Milliseconds to the next look after so many in vain: 2 s, then doubling up to an hour. */
export function nextLook(misses: number): number {
  return Math.min(2 * SECOND * 2 ** Math.min(misses, 20), LONGEST);
}

/** Whether a secondary that has been told and was looked at so often in vain is told again: after some 15 s, and at each look from then on. */
export function isToldAgain(misses: number): boolean {
  return misses >= MISSES_BEFORE_NOTIFY;
}

/** Milliseconds to wait for a reply: longer from try to try. */
export function lookTimeout(misses: number): number {
  return Math.min(SECOND * 2 ** Math.min(misses, 2), 3 * SECOND);
}

/** Milliseconds that what waits for a silent secondary is put back: longer the longer it is silent, spread out. */
export function putBack(silentFor: number, random: number): number {
  return Math.min(Math.max(30 * SECOND, silentFor), LONGEST) * (0.75 + random / 2);
}
