import { FLAG, HEADER_LENGTH } from '../dns/message.ts';
import { formatIpv4, formatIpv6 } from '../dns/rdata/address-text.ts';
import { CLASS_IN, TYPE } from '../dns/types.ts';

/** Addresses of the very name that was asked for. */
export interface PlainAddresses {
  /** Views of the message. */
  rdatas: Buffer[];
  /** The lowest of theirs, in seconds. */
  ttl: number;
  ad: boolean;
}

/** The same as text: sorted, and joined by commas. */
export interface PlainText {
  addresses: string;
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
 *
 * @param question the octets of a message whose question was asked, from its header on; it may go on behind that
 */
export function readAddresses(bytes: Buffer, question: Question): PlainAddresses | undefined {
  const answers = answersOf(bytes, question);
  if (answers === undefined) return undefined;
  const rdatas: Buffer[] = [];
  for (let { at } = answers; at < answers.end; at += answers.step)
    rdatas.push(bytes.subarray(at + HEAD, at + answers.step));
  return { rdatas, ttl: answers.ttl, ad: answers.ad };
}

/** The same as text, for a comparison with what is known. */
export function readAddressText(bytes: Buffer, question: Question): PlainText | undefined {
  const answers = answersOf(bytes, question);
  if (answers === undefined) return undefined;
  const { at, end, step, ttl, ad } = answers;
  const format = question.type === TYPE.A ? formatIpv4 : formatIpv6;
  const first = format(bytes, at + HEAD);
  if (at + step === end) return { addresses: first, ttl, ad };
  const texts = [first];
  for (let next = at + step; next < end; next += step) texts.push(format(bytes, next + HEAD));
  return { addresses: texts.sort().join(), ttl, ad };
}

/** A question as it stands in the message that asks it. */
export interface Question {
  message: Buffer;
  nameLength: number;
  type: number;
}

/** Where the address records are, each `step` octets long, and what holds for all of them. */
interface Answers {
  at: number;
  end: number;
  step: number;
  ttl: number;
  ad: boolean;
}

function answersOf(bytes: Buffer, { message, nameLength, type }: Question): Answers | undefined {
  const flags = bytes.length > HEADER_LENGTH ? word(bytes, 2) : 0;
  if ((flags & JUDGED_FLAGS) !== FLAG.QR) return undefined;
  const count = word(bytes, 6);
  const additionals = word(bytes, 10);
  if (word(bytes, 4) !== 1 || count === 0 || word(bytes, 8) !== 0 || additionals > 1) return undefined;

  const size = type === TYPE.A ? 4 : 16;
  const step = HEAD + size;
  const at = HEADER_LENGTH + nameLength + 4;
  const end = at + count * step;
  if (bytes.length !== end + additionals * BARE_OPT) return undefined;
  // name, type and class
  if (message.compare(bytes, HEADER_LENGTH, at, HEADER_LENGTH, at) !== 0) return undefined;

  let ttl = 0xffffffff;
  for (let record = at; record < end; record += step) {
    if (word(bytes, record) !== TO_QUESTION || word(bytes, record + 2) !== type) return undefined;
    if (word(bytes, record + 4) !== CLASS_IN || word(bytes, record + 10) !== size) return undefined;
    const own = bytes.readUInt32BE(record + 6);
    // With its top bit set it counts as zero (RFC 2181, 8), which is for the other reader.
    if (own > 0x7fffffff) return undefined;
    if (own < ttl) ttl = own;
  }
  if (additionals === 1 && !isBareOpt(bytes, end)) return undefined;
  return { at, end, step, ttl, ad: (flags & FLAG.AD) !== 0 };
}

/** OPT of version 0 without options and without an extended response code (RFC 6891, 6.1.2). */
function isBareOpt(bytes: Buffer, at: number): boolean {
  return (
    bytes[at] === 0 &&
    word(bytes, at + 1) === TYPE.OPT &&
    word(bytes, at + 5) === 0 &&
    word(bytes, at + 9) === 0
  );
}

function word(bytes: Buffer, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}
