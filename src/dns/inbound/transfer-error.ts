import { rcodeToText } from '../types.ts';

/** Each way in which a transfer that is received can be wrong. */
export type TransferFault =
  | 'wrong id'
  | 'not a reply'
  | 'wrong opcode'
  | 'truncated'
  | 'refused'
  | 'not authoritative'
  | 'no question'
  | 'wrong question'
  | 'authority not empty'
  | 'empty message'
  | 'wrong class'
  | 'meta type'
  | 'outside the zone'
  | 'no first SOA'
  | 'SOA below the apex'
  | 'last SOA differs'
  | 'records after the end'
  | 'message after the end'
  | 'wrong start of the history'
  | 'gap in the history'
  | 'history without progress'
  | 'ended early'
  | 'record to delete absent'
  | 'record to add present'
  | 'over the limit';

/** A transfer that is wrong; nothing of it may be used. The message is one line for people. */
export class TransferError extends Error {
  readonly fault: TransferFault;
  /** The peer's response code, for the fault `refused`. */
  readonly rcode: number;

  constructor(fault: TransferFault, message: string, rcode = 0) {
    super(message);
    this.name = 'TransferError';
    this.fault = fault;
    this.rcode = rcode;
  }
}

/** The peer answered with an error. */
export function refusedBy(rcode: number): TransferError {
  return new TransferError('refused', `the primary answered ${rcodeToText(rcode)}`, rcode);
}
