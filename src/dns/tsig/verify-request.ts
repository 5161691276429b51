/** Verifying a request's TSIG, and the replies to one that fails (RFC 8945, 5.2). */
import { headerFlags, type Message } from '../message.ts';
import { canonicalName, nameKey } from '../name.ts';
import { PADDING_OPTION, paddingOctets } from '../padding.ts';
import { RCODE } from '../types.ts';
import { MessageWriter } from '../writer.ts';
import { algorithmFromName, TSIG_ALGORITHMS, type TsigAlgorithm, type TsigKey } from './algorithm.ts';
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
import { appendTsigRecord, TSIG_ERROR, type TsigRecord, tsigRecordLength } from './record.ts';

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

export interface ErrorReplyOptions {
  /** Octets that the reply may have. Default: as many as a message can. */
  limit?: number;
  /** What our OPT says that we take over UDP. */
  udpSize?: number;
  /** Padded as replies over TLS are, where the request had OPT (RFC 7830, 4). */
  isPadded?: boolean;
}

/**
 * The whole reply to a request that failed: NOTAUTH with BADKEY or BADSIG and an empty MAC (5.2.1, 5.2.2), NOTAUTH
 * with BADTIME or BADTRUNC, signed (5.2.3, 5.2.4), or plain FORMERR for a MAC of an impossible length (5.2.2.1).
 * The question is copied, OPT answered by OPT. `now` in milliseconds.
 *
 * A datagram may have no room for the longest names of question, key and algorithm. Then TC is set and the question
 * left out, and where that is not enough TSIG instead of it, which has no MAC in such a case.
 */
export function tsigErrorReply(
  request: Message,
  failure: TsigFailure,
  now: number,
  options: ErrorReplyOptions = {},
): Buffer {
  if (failure.kind === 'formerr') return errorMessage(request, RCODE.FORMERR, options);
  const { limit = LARGEST } = options;
  const isLate = failure.kind === 'badtime';
  const record: TsigRecord = {
    ...failure.record,
    name: canonicalName(failure.record.name),
    algorithm: canonicalName(failure.record.algorithm),
    // Of the right length, to be counted.
    mac: Buffer.alloc('key' in failure ? TSIG_ALGORITHMS[failure.key.algorithm].size : 0),
    originalId: request.id,
    error: errorOf[failure.kind],
    // The client's time lets it verify the reply, ours in the other data lets it find out why (5.2.3).
    timeSigned: isLate ? failure.record.timeSigned : seconds(now),
    other: isLate ? time48(seconds(now)) : Buffer.alloc(0),
  };
  const tsigOctets = tsigRecordLength(record);
  let reply = errorMessage(request, RCODE.NOTAUTH, { ...options, tsigOctets });
  if (reply.length + tsigOctets > limit) {
    reply = errorMessage(request, RCODE.NOTAUTH, { ...options, isTruncated: true, withoutQuestion: true });
    if (reply.length + tsigOctets > limit) {
      return errorMessage(request, RCODE.NOTAUTH, { ...options, isTruncated: true });
    }
  }
  if ('key' in failure) {
    record.mac = digestVariables(startDigest(failure.key, failure.mac).update(reply), record).digest();
  }
  return appendTsigRecord(reply, record);
}

const LARGEST = 65_535;

/** Header, question and OPT of an error reply. */
function errorMessage(
  request: Message,
  rcode: number,
  options: ErrorReplyOptions & { tsigOctets?: number; isTruncated?: boolean; withoutQuestion?: boolean },
): Buffer {
  const { isTruncated = false, udpSize = 1232 } = options;
  const writer = new MessageWriter({ limit: LARGEST }).header({
    id: request.id,
    flags: headerFlags({ qr: true, opcode: request.opcode, tc: isTruncated, rd: request.rd, rcode }),
  });
  const question = request.questions[0];
  if (question !== undefined && options.withoutQuestion !== true) writer.question(question.wire);
  if (request.opt !== undefined) {
    const octets = writer.length + OPT_OCTETS + (options.tsigOctets ?? 0);
    const padding = options.isPadded === true ? paddingOctets(octets, options.limit ?? LARGEST) : undefined;
    writer.opt({
      udpSize,
      dnssecOk: request.opt.dnssecOk,
      options: padding === undefined ? [] : [{ code: PADDING_OPTION, data: Buffer.alloc(padding) }],
    });
  }
  return writer.finish();
}

/** OPT without options. */
const OPT_OCTETS = 11;

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
