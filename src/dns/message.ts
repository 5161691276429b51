/**
 * Reading DNS messages (RFC 1035, 4). Strict: what comes back is whole, every length in it was checked, and names are
 * exact bytes. Its counterpart is `writer.ts`.
 */
import { FormatError } from './format-error.ts';
import { readName } from './name.ts';
import { readRdata } from './rdata/index.ts';
import { readTsigRecord, type TsigRecord } from './tsig/record.ts';
import { CLASS_IN, TYPE } from './types.ts';

/** The bits of the second header word that stand alone (RFC 1035, 4.1.1). Opcode and rcode: see `headerFlags`. */
export const FLAG = { QR: 0x8000, AA: 0x0400, TC: 0x0200, RD: 0x0100, RA: 0x0080, AD: 0x0020 } as const;

/** Octets of the header. */
export const HEADER_LENGTH = 12;

export interface Header {
  id: number;
  /** The second header word as it stood: 16 bits. */
  flags: number;
  qr: boolean;
  opcode: number;
  aa: boolean;
  tc: boolean;
  rd: boolean;
  ra: boolean;
  /** Data authenticated by the sender (RFC 4035, 3.2.3); in a query: asks to be told so (RFC 6840, 5.7). */
  ad: boolean;
  /** In a header alone the lower four bits; in a message with OPT all twelve (RFC 6891, 6.1.3). */
  rcode: number;
}

export interface Question {
  name: Buffer;
  type: number;
  class: number;
  /** The question's exact octets, uncompressed, to be copied into the reply (RFC 5936, 2.2.2). */
  wire: Buffer;
}

export interface ResourceRecord {
  name: Buffer;
  type: number;
  class: number;
  ttl: number;
  /** Uncompressed. */
  rdata: Buffer;
}

export interface EdnsOption {
  code: number;
  data: Buffer;
}

/** The OPT pseudo-record (RFC 6891, 6.1.2). */
export interface Edns {
  udpSize: number;
  version: number;
  /** The upper eight bits of the response code. */
  extendedRcode: number;
  dnssecOk: boolean;
  options: EdnsOption[];
}

export interface Message extends Header {
  questions: Question[];
  answers: ResourceRecord[];
  authorities: ResourceRecord[];
  /** Without OPT and TSIG, which stand apart. */
  additionals: ResourceRecord[];
  opt?: Edns;
  /** `offset`: where the TSIG record starts, i.e. the length of what it signs. */
  tsig?: { offset: number; record: TsigRecord };
  /** Octets of the whole message. */
  length: number;
}

/**
 * Reads one whole message.
 *
 * @throws FormatError for anything malformed: cut short, octets left over, a bad name or rdata, an OPT or TSIG that
 *   stands twice, elsewhere or wrongly (RFC 6891, 6.1.1; RFC 8945, 5.1)
 */
export function readMessage(bytes: Buffer): Message {
  const message: Message = {
    ...readHeader(bytes),
    questions: [],
    answers: [],
    authorities: [],
    additionals: [],
    length: bytes.length,
  };
  let offset = HEADER_LENGTH;
  for (let left = bytes.readUInt16BE(4); left > 0; left--) offset = readQuestion(bytes, offset, message);
  for (let left = bytes.readUInt16BE(6); left > 0; left--) {
    offset = readRecord(bytes, offset, message, message.answers, false);
  }
  for (let left = bytes.readUInt16BE(8); left > 0; left--) {
    offset = readRecord(bytes, offset, message, message.authorities, false);
  }
  for (let left = bytes.readUInt16BE(10); left > 0; left--) {
    offset = readRecord(bytes, offset, message, message.additionals, true);
  }
  if (offset !== bytes.length) {
    throw new FormatError(`${bytes.length - offset} octets are left over behind the message's last record`);
  }
  if (message.opt !== undefined) message.rcode |= message.opt.extendedRcode << 4;
  return message;
}

/**
 * Reads the header alone: what is needed to refuse a message that can't be read to its end.
 *
 * @throws FormatError where there are less than twelve octets
 */
export function readHeader(bytes: Buffer): Header {
  if (bytes.length < HEADER_LENGTH) {
    throw new FormatError(`a message of ${bytes.length} octets: the header alone has ${HEADER_LENGTH}`);
  }
  const flags = bytes.readUInt16BE(2);
  return {
    id: bytes.readUInt16BE(0),
    flags,
    qr: (flags & FLAG.QR) !== 0,
    opcode: (flags >> 11) & 0xf,
    aa: (flags & FLAG.AA) !== 0,
    tc: (flags & FLAG.TC) !== 0,
    rd: (flags & FLAG.RD) !== 0,
    ra: (flags & FLAG.RA) !== 0,
    ad: (flags & FLAG.AD) !== 0,
    rcode: flags & 0xf,
  };
}

/** The second header word from its parts; of a response code above 15 the lower four bits, the rest goes into OPT. */
export function headerFlags(parts: {
  qr?: boolean;
  opcode?: number;
  aa?: boolean;
  tc?: boolean;
  rd?: boolean;
  ra?: boolean;
  ad?: boolean;
  rcode?: number;
}): number {
  return (
    (parts.qr === true ? FLAG.QR : 0) |
    (((parts.opcode ?? 0) & 0xf) << 11) |
    (parts.aa === true ? FLAG.AA : 0) |
    (parts.tc === true ? FLAG.TC : 0) |
    (parts.rd === true ? FLAG.RD : 0) |
    (parts.ra === true ? FLAG.RA : 0) |
    (parts.ad === true ? FLAG.AD : 0) |
    ((parts.rcode ?? 0) & 0xf)
  );
}

function readQuestion(bytes: Buffer, offset: number, message: Message): number {
  const { name, next } = readName(bytes, offset);
  if (next + 4 > bytes.length) throw new FormatError('the question runs past the end of the message');
  // Before it stands no name that it could be pointed to, but the header, which a reply would write out.
  if (message.questions.length === 0 && next - offset !== name.length)
    throw new FormatError('the name of the question is compressed');
  message.questions.push({
    name,
    type: bytes.readUInt16BE(next),
    class: bytes.readUInt16BE(next + 2),
    wire: Buffer.concat([name, bytes.subarray(next, next + 4)]),
  });
  return next + 4;
}

function readRecord(
  bytes: Buffer,
  offset: number,
  message: Message,
  section: ResourceRecord[],
  isAdditional: boolean,
): number {
  if (message.tsig !== undefined)
    throw new FormatError('a record stands behind TSIG, which has to be the last');
  const { name, next } = readName(bytes, offset);
  if (next + 10 > bytes.length) throw new FormatError('a record runs past the end of the message');
  const type = bytes.readUInt16BE(next);
  const recordClass = bytes.readUInt16BE(next + 2);
  const ttl = bytes.readUInt32BE(next + 4);
  const length = bytes.readUInt16BE(next + 8);
  const start = next + 10;
  const end = start + length;
  if (end > bytes.length) throw new FormatError(`rdata of ${length} octets runs past the end of the message`);
  if (type === TYPE.OPT) {
    if (!isAdditional) throw new FormatError('OPT stands outside the additional section');
    if (message.opt !== undefined) throw new FormatError('a message has two OPT records');
    if (name.length !== 1) throw new FormatError('the owner of OPT is not the root');
    message.opt = readEdns(bytes, start, end, recordClass, ttl);
  } else if (type === TYPE.TSIG) {
    if (!isAdditional) throw new FormatError('TSIG stands outside the additional section');
    message.tsig = { offset, record: readTsigRecord(bytes, name, recordClass, ttl, start, end) };
  } else {
    // Records of UPDATE have no rdata in the classes ANY and NONE (RFC 2136, 2.5).
    const isBare = length === 0 && recordClass !== CLASS_IN;
    const rdata = isBare ? EMPTY : readRdata(type, bytes, start, length);
    // A TTL with its top bit set counts as zero (RFC 2181, 8).
    section.push({ name, type, class: recordClass, ttl: ttl > 0x7fffffff ? 0 : ttl, rdata });
  }
  return end;
}

function readEdns(bytes: Buffer, start: number, end: number, udpSize: number, ttl: number): Edns {
  const options: EdnsOption[] = [];
  for (let offset = start; offset < end; ) {
    const dataAt = offset + 4;
    if (dataAt > end) throw new FormatError('an EDNS option is cut short');
    const next = dataAt + bytes.readUInt16BE(offset + 2);
    if (next > end) throw new FormatError('an EDNS option runs past the end of OPT');
    options.push({ code: bytes.readUInt16BE(offset), data: Buffer.from(bytes.subarray(dataAt, next)) });
    offset = next;
  }
  return {
    udpSize,
    extendedRcode: ttl >>> 24,
    version: (ttl >>> 16) & 0xff,
    dnssecOk: (ttl & 0x8000) !== 0,
    options,
  };
}

const EMPTY = Buffer.alloc(0);
