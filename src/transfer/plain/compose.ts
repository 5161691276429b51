import { encodeOpt } from '../edns.ts';
import type { PlainQuestion } from './question.ts';

/** The records of a reply, ready for the wire; a string has an octet in each character. */
export interface PlainRecords {
  readonly body: Buffer | string;
  readonly answers: number;
}

/**
 * Header, the question as it was asked, the records, and OPT where one came.
 *
 * @param version its EXPIRE goes to who asked for it (RFC 7314)
 * @param isFramed whether its length stands before it, as over TCP
 */
export function compose(
  request: Buffer,
  { nameEnd, edns, dnssecOk, expire }: PlainQuestion,
  { body, answers }: PlainRecords,
  version: { readonly expire: number },
  isFramed: boolean,
): Buffer {
  const opt = edns ? optOf(dnssecOk, expire ? version.expire : undefined) : undefined;
  const start = isFramed ? 2 : 0;
  const questionEnd = nameEnd + 4;
  const octets = questionEnd + body.length + (opt?.length ?? 0);
  const reply = Buffer.allocUnsafe(start + octets);
  if (isFramed) {
    reply[0] = octets >> 8;
    reply[1] = octets;
  }
  // header and question in one; what differs in the header follows
  request.copy(reply, start, 0, questionEnd);
  reply[start + 2] = 0x84 | (request[2]! & 0x01);
  reply[start + 3] = 0;
  reply[start + 6] = answers >> 8;
  reply[start + 7] = answers;
  reply[start + 9] = 0; // of IXFR, the client's SOA is not repeated
  reply[start + 11] = opt === undefined ? 0 : 1;
  if (typeof body === 'string') reply.write(body, start + questionEnd, 'latin1');
  else body.copy(reply, start + questionEnd);
  opt?.copy(reply, start + questionEnd + body.length);
  return reply;
}

function optOf(dnssecOk: boolean, expireSeconds: number | undefined): Buffer {
  if (expireSeconds !== undefined) return encodeOpt({ dnssecOk, expireSeconds });
  return dnssecOk ? OPT_WITH_DO : OPT;
}

const OPT = encodeOpt({ dnssecOk: false });
const OPT_WITH_DO = encodeOpt({ dnssecOk: true });
