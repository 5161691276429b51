import { RCODE } from '../dns/types.ts';

/** Why a request is not answered with data, in the order in which the reasons are looked for. */
export type RefusalReason =
  // parse
  | 'malformed'
  | 'opcode'
  | 'edns-version'
  // TSIG
  | 'bad-key'
  | 'bad-signature'
  | 'bad-time'
  | 'bad-truncation'
  // access
  | 'notify'
  | 'not-served'
  | 'axfr-over-udp'
  | 'unknown-address'
  | 'key-expected'
  | 'key-not-theirs'
  // zone
  | 'zone-not-allowed'
  | 'unknown-zone'
  // contents
  | 'unpublished'
  | 'unavailable'
  // quota
  | 'busy';

/** A reason with what an operator needs to know beside it. */
export interface Refusal {
  readonly reason: RefusalReason;
  readonly detail: string;
}

/**
 * From reason to response code. REFUSED is one answer for strangers, for zones not allowed and for zones that are
 * unknown, so that nobody learns names of zones (RFC 5936, 5); NOTAUTH comes with a TSIG error only.
 */
export const refusalRcode: Readonly<Record<RefusalReason, number>> = {
  malformed: RCODE.FORMERR,
  opcode: RCODE.NOTIMP,
  'edns-version': RCODE.BADVERS,
  'bad-key': RCODE.NOTAUTH,
  'bad-signature': RCODE.NOTAUTH,
  'bad-time': RCODE.NOTAUTH,
  'bad-truncation': RCODE.NOTAUTH,
  notify: RCODE.REFUSED,
  'not-served': RCODE.REFUSED,
  'axfr-over-udp': RCODE.REFUSED,
  'unknown-address': RCODE.REFUSED,
  'key-expected': RCODE.REFUSED,
  'key-not-theirs': RCODE.REFUSED,
  'zone-not-allowed': RCODE.REFUSED,
  'unknown-zone': RCODE.REFUSED,
  unpublished: RCODE.SERVFAIL,
  unavailable: RCODE.SERVFAIL,
  busy: RCODE.SERVFAIL,
};
