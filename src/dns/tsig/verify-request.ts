/** Verifying a request's TSIG, and the replies to one that fails (RFC 8945, 5.2). */
import { headerFlags, type Message } from '../message.ts';
import { canonicalName, nameKey } from '../name.ts';
import { RCODE } from '../types.ts';
import { MessageWriter } from '../writer.ts';
import { algorithmFromName, type TsigAlgorithm, type TsigKey } from './algorithm.ts';
import {
  digestSigned,
  digestVariables,
  isAcceptedLength,
  isPossibleLength,
  isTimely,
  matchesMac,
  seconds,
  startDigest,
} from './digest.ts';
import { appendTsigRecord, TSIG_ERROR, type TsigRecord } from './record.ts';

/** What is wrong with a request's TSIG. With a key: the MAC was good, and the reply is signed (5.3.2). */
export type TsigFailure =
  | { kind: 'badkey' | 'badsig' | 'formerr'; record: TsigRecord }
  | { kind: 'badtime' | 'badtrunc'; record: TsigRecord; key: TsigKey; mac: Buffer };

export type RequestVerdict =
  | { kind: 'unsigned' }
  | { kind: 'good'; key: TsigKey; mac: Buffer; record: TsigRecord }
  | TsigFailure;

/**
 * Checks key, MAC, time and truncation in the RFC's order (5.2), so that nothing is learnt without the secret.
 * `bytes` is what `message` was read from; `now` in milliseconds.
 */
export function verifyRequest(
  bytes: Buffer,
  message: Message,
  findKey: (nameKey: string, algorithm: TsigAlgorithm) => TsigKey | undefined,
  now: number,
): RequestVerdict {
  if (message.tsig === undefined) return { kind: 'unsigned' };
  const { record, offset } = message.tsig;
  const algorithm = algorithmFromName(record.algorithm);
  const key = algorithm === undefined ? undefined : findKey(nameKey(record.name), algorithm);
  // The finder may look by name alone: a key is good for its own algorithm only.
  if (key === undefined || key.algorithm !== algorithm) return { kind: 'badkey', record };
  // An empty MAC is no truncated one, which would be FORMERR: nothing at all was signed.
  if (record.mac.length === 0) return { kind: 'badsig', record };
  if (!isPossibleLength(key, record.mac)) return { kind: 'formerr', record };
  const expected = digestVariables(
    digestSigned(startDigest(key, undefined), bytes, offset, record),
    record,
  ).digest();
  if (!matchesMac(expected, record.mac)) return { kind: 'badsig', record };
  if (!isTimely(record, now)) return { kind: 'badtime', record, key, mac: record.mac };
  if (!isAcceptedLength(key, record.mac)) return { kind: 'badtrunc', record, key, mac: record.mac };
  return { kind: 'good', key, mac: record.mac, record };
}

/**
 * The whole reply to a request that failed: NOTAUTH with BADKEY or BADSIG and an empty MAC (5.2.1, 5.2.2), NOTAUTH
 * with BADTIME or BADTRUNC, signed (5.2.3, 5.2.4), or plain FORMERR for a MAC of an impossible length (5.2.2.1).
 * The question is copied, OPT answered by OPT. `now` in milliseconds, `udpSize` what our OPT says.
 */
export function tsigErrorReply(request: Message, failure: TsigFailure, now: number, udpSize = 1232): Buffer {
  const rcode = failure.kind === 'formerr' ? RCODE.FORMERR : RCODE.NOTAUTH;
  const writer = new MessageWriter({ limit: 2048 }).header({
    id: request.id,
    flags: headerFlags({ qr: true, opcode: request.opcode, rd: request.rd, rcode }),
  });
  const question = request.questions[0];
  if (question !== undefined) writer.question(question.wire);
  if (request.opt !== undefined) writer.opt({ udpSize, dnssecOk: request.opt.dnssecOk });
  const reply = writer.finish();
  if (failure.kind === 'formerr') return reply;

  const isLate = failure.kind === 'badtime';
  const record: TsigRecord = {
    ...failure.record,
    name: canonicalName(failure.record.name),
    algorithm: canonicalName(failure.record.algorithm),
    mac: Buffer.alloc(0),
    originalId: request.id,
    error: errorOf[failure.kind],
    // The client's time lets it verify the reply, ours in the other data lets it find out why (5.2.3).
    timeSigned: isLate ? failure.record.timeSigned : seconds(now),
    other: isLate ? time48(seconds(now)) : Buffer.alloc(0),
  };
  if ('key' in failure) {
    record.mac = digestVariables(startDigest(failure.key, failure.mac).update(reply), record).digest();
  }
  return appendTsigRecord(reply, record);
}

const errorOf = {
  badkey: TSIG_ERROR.BADKEY,
  badsig: TSIG_ERROR.BADSIG,
  badtime: TSIG_ERROR.BADTIME,
  badtrunc: TSIG_ERROR.BADTRUNC,
} as const;

function time48(value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 0, 6);
  return bytes;
}
