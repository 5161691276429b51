import type { Message } from '../dns/message.ts';
import { cut } from '../errors.ts';

/** What an upstream says beyond the rcode (RFC 8914). */
export interface ExtendedError {
  /** One line for people, bounded. */
  text: string;
  /** Whether DNSSEC validation failed, rather than the lookup. */
  bogus: boolean;
}

/** Reads the extended DNS errors of a reply; undefined where there are none. */
export function extendedError(message: Message): ExtendedError | undefined {
  const errors = (message.opt?.options ?? []).filter(
    (option) => option.code === EXTENDED_ERROR && option.data.length >= 2,
  );
  if (errors.length === 0) return undefined;
  const codes = errors.map((option) => option.data.readUInt16BE(0));
  const texts = errors.slice(0, MOST_SHOWN).map((option, index) => {
    const code = codes[index]!;
    const extra = printable(option.data.toString('utf8', 2));
    return `EDE ${code}${PURPOSE[code] ? ` ${PURPOSE[code]}` : ''}${extra ? `: ${extra}` : ''}`;
  });
  return { text: texts.join('; '), bogus: codes.some((code) => BOGUS.has(code)) };
}

const EXTENDED_ERROR = 15;
const MOST_SHOWN = 3;

/** The codes by which a validator says that it did not believe the answer (RFC 8914, 4.2 and 4.6 to 4.13). */
const BOGUS: ReadonlySet<number> = new Set([1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 27]);

const PURPOSE: Readonly<Record<number, string>> = {
  0: 'Other',
  1: 'Unsupported DNSKEY Algorithm',
  2: 'Unsupported DS Digest Type',
  3: 'Stale Answer',
  4: 'Forged Answer',
  5: 'DNSSEC Indeterminate',
  6: 'DNSSEC Bogus',
  7: 'Signature Expired',
  8: 'Signature Not Yet Valid',
  9: 'DNSKEY Missing',
  10: 'RRSIGs Missing',
  11: 'No Zone Key Bit Set',
  12: 'NSEC Missing',
  13: 'Cached Error',
  14: 'Not Ready',
  15: 'Blocked',
  16: 'Censored',
  17: 'Filtered',
  18: 'Prohibited',
  19: 'Stale NXDOMAIN Answer',
  20: 'Not Authoritative',
  21: 'Not Supported',
  22: 'No Reachable Authority',
  23: 'Network Error',
  24: 'Invalid Data',
  27: 'Unsupported NSEC3 Iterations Value',
};

/** Text from the network goes into logs and tables: no control characters, one short line. */
function printable(text: string): string {
  return cut(text.replace(/[\p{Cc}\p{Cf}\u2028\u2029\ufffd]+/gu, ' ').trim(), 120);
}
