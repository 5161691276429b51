import { RCODE } from '../dns/types.ts';

/** Milliseconds to the first retry (RFC 1996, 3.6 leaves the numbers to us). */
const FIRST = 1_000;
const CAP_WHILE_ANSWERING = 10_000;
const CAP = 60_000;
const REFUSED_FIRST = 60_000;
const REFUSED_CAP = 600_000;
const LONGEST_WAIT = 5_000;

/** Silent tries after which every second one goes over TCP. */
const SILENT_BEFORE_TCP = 3;

/**
 * Milliseconds from one send to the next after a silence: 1 s, then doubling, to 10 s while the secondary answers for
 * other zones, else to 60 s. `attempts` counts the send itself.
 */
export function silentDelay(attempts: number, answersOthers: boolean): number {
  return Math.min(FIRST * doubled(attempts), answersOthers ? CAP_WHILE_ANSWERING : CAP);
}

/** Milliseconds to the next try after a reply other than NOERROR: somebody has to change a setting first. */
export function refusedDelay(rcode: number, attempts: number): number {
  // A secondary without NOTIFY won't learn it soon (RFC 1996, 3.12).
  if (rcode === RCODE.NOTIMP) return REFUSED_CAP;
  return Math.min(REFUSED_FIRST * doubled(attempts), REFUSED_CAP);
}

/** Milliseconds to wait for a reply: longer from try to try, for secondaries that are far away or busy. */
export function replyWait(attempts: number): number {
  return Math.min(FIRST * doubled(attempts), LONGEST_WAIT);
}

/** UDP first; after several silences every second try over TCP, for paths on which UDP is lost. */
export function transportFor(attempts: number): 'udp' | 'tcp' {
  const silences = attempts - 1;
  return silences >= SILENT_BEFORE_TCP && (silences - SILENT_BEFORE_TCP) % 2 === 0 ? 'tcp' : 'udp';
}

function doubled(attempts: number): number {
  return 2 ** Math.min(Math.max(attempts - 1, 0), 20);
}
