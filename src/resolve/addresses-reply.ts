import { FLAG, HEADER_LENGTH } from '../dns/message.ts';
import { CLASS_IN, TYPE } from '../dns/types.ts';

/** Addresses of the very name that was asked for. */
export interface PlainAddresses {
  /** Views of the message. */
  rdatas: Buffer[];
  /** The lowest of theirs, in seconds. */
  ttl: number;
  ad: boolean;
}

/** A pointer to the name of the question, which stands behind the header (RFC 1035, 4.1.4). */
const TO_QUESTION = 0xc000 | HEADER_LENGTH;
/** Octets of a record's head behind such a pointer, and of OPT without options. */
const HEAD = 12;
const BARE_OPT = 11;
/** What has to be alike in the second header word: QR set, opcode QUERY, no TC, response code 0. */
const JUDGED_FLAGS = 0xfa0f;

/**
 * Reads the one form that most answers have: the question octet for octet, then addresses of just that name, and nothing else but OPT.
 * Undefined for every other form, good or bad: `readMessage` is there for those, and takes many times as long.
 */
export function readAddresses(bytes: Buffer, asked: Buffer, type: number): PlainAddresses | undefined {
  const flags = bytes.length > HEADER_LENGTH ? bytes.readUInt16BE(2) : 0;
  if ((flags & JUDGED_FLAGS) !== FLAG.QR) return undefined;
  const count = bytes.readUInt16BE(6);
  const additionals = bytes.readUInt16BE(10);
  if (bytes.readUInt16BE(4) !== 1 || count === 0 || bytes.readUInt16BE(8) !== 0 || additionals > 1)
    return undefined;

  const size = type === TYPE.A ? 4 : 16;
  const answersAt = HEADER_LENGTH + asked.length + 4;
  const answersEnd = answersAt + count * (HEAD + size);
  if (bytes.length !== answersEnd + additionals * BARE_OPT) return undefined;
  if (asked.compare(bytes, HEADER_LENGTH, answersAt - 4) !== 0) return undefined;
  if (bytes.readUInt16BE(answersAt - 4) !== type || bytes.readUInt16BE(answersAt - 2) !== CLASS_IN)
    return undefined;

  const rdatas: Buffer[] = [];
  let ttl = 0xffffffff;
  for (let at = answersAt; at < answersEnd; at += HEAD + size) {
    if (bytes.readUInt16BE(at) !== TO_QUESTION || bytes.readUInt16BE(at + 2) !== type) return undefined;
    if (bytes.readUInt16BE(at + 4) !== CLASS_IN || bytes.readUInt16BE(at + 10) !== size) return undefined;
    const own = bytes.readUInt32BE(at + 6);
    // With its top bit set it counts as zero (RFC 2181, 8), which is for the other reader.
    if (own > 0x7fffffff) return undefined;
    if (own < ttl) ttl = own;
    rdatas.push(bytes.subarray(at + HEAD, at + HEAD + size));
  }
  if (additionals === 1 && !isBareOpt(bytes, answersEnd)) return undefined;
  return { rdatas, ttl, ad: (flags & FLAG.AD) !== 0 };
}

/** OPT of version 0 without options and without an extended response code (RFC 6891, 6.1.2). */
function isBareOpt(bytes: Buffer, at: number): boolean {
  return (
    bytes[at] === 0 &&
    bytes.readUInt16BE(at + 1) === TYPE.OPT &&
    bytes.readUInt16BE(at + 5) === 0 &&
    bytes.readUInt16BE(at + 9) === 0
  );
}
