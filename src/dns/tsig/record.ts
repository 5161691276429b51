/** The TSIG record on the wire (RFC 8945, 4.2). */
import { FormatError } from '../format-error.ts';
import { readName } from '../name.ts';
import { CLASS_ANY, TYPE } from '../types.ts';

export interface TsigRecord {
  /** The key's name, as it was written. */
  name: Buffer;
  /** The algorithm's name, as it was written. */
  algorithm: Buffer;
  /** Seconds since the epoch, 48 bits. */
  timeSigned: number;
  /** Seconds that the clocks may be apart. */
  fudge: number;
  mac: Buffer;
  originalId: number;
  error: number;
  other: Buffer;
}

/** The values of TSIG's error field (RFC 8945, 3). */
export const TSIG_ERROR = { BADSIG: 16, BADKEY: 17, BADTIME: 18, BADTRUNC: 22 } as const;

/**
 * Reads the rdata between `start` and `end` of a message.
 *
 * @throws FormatError, also for a class other than ANY and a TTL other than 0 (RFC 8945, 4.2)
 */
export function readTsigRecord(
  bytes: Buffer,
  name: Buffer,
  recordClass: number,
  ttl: number,
  start: number,
  end: number,
): TsigRecord {
  if (recordClass !== CLASS_ANY || ttl !== 0) throw new FormatError('TSIG without class ANY and TTL 0');
  const { name: algorithm, next } = readName(bytes, start);
  const macAt = next + 10;
  if (macAt > end) throw cutShort();
  const macEnd = macAt + bytes.readUInt16BE(next + 8);
  const otherAt = macEnd + 6;
  if (otherAt > end) throw cutShort();
  if (otherAt + bytes.readUInt16BE(macEnd + 4) !== end) throw cutShort();
  return {
    name,
    algorithm,
    timeSigned: bytes.readUIntBE(next, 6),
    fudge: bytes.readUInt16BE(next + 6),
    mac: Buffer.from(bytes.subarray(macAt, macEnd)),
    originalId: bytes.readUInt16BE(macEnd),
    error: bytes.readUInt16BE(macEnd + 2),
    other: Buffer.from(bytes.subarray(otherAt, end)),
  };
}

/** Appends the record to a message's octets, and counts it in ARCOUNT. Gives a new buffer. */
export function appendTsigRecord(message: Buffer, record: TsigRecord): Buffer {
  const bytes = Buffer.concat([message, encodeTsigRecord(record)]);
  bytes.writeUInt16BE(message.readUInt16BE(10) + 1, 10);
  return bytes;
}

/** The whole record, uncompressed. */
export function encodeTsigRecord(record: TsigRecord): Buffer {
  const bytes = Buffer.allocUnsafe(tsigRecordLength(record));
  let offset = record.name.copy(bytes, 0);
  offset = bytes.writeUInt16BE(TYPE.TSIG, offset);
  offset = bytes.writeUInt16BE(CLASS_ANY, offset);
  offset = bytes.writeUInt32BE(0, offset);
  offset = bytes.writeUInt16BE(bytes.length - offset - 2, offset);
  offset += record.algorithm.copy(bytes, offset);
  offset = bytes.writeUIntBE(record.timeSigned, offset, 6);
  offset = bytes.writeUInt16BE(record.fudge, offset);
  offset = bytes.writeUInt16BE(record.mac.length, offset);
  offset += record.mac.copy(bytes, offset);
  offset = bytes.writeUInt16BE(record.originalId, offset);
  offset = bytes.writeUInt16BE(record.error, offset);
  offset = bytes.writeUInt16BE(record.other.length, offset);
  record.other.copy(bytes, offset);
  return bytes;
}

/** Octets of the whole record with these parts: owner, ten of the record's head, sixteen of the fixed fields. */
export function tsigRecordLength(parts: { name: Sized; algorithm: Sized; mac: Sized; other: Sized }): number {
  return parts.name.length + 10 + parts.algorithm.length + 16 + parts.mac.length + parts.other.length;
}

interface Sized {
  length: number;
}

function cutShort(): FormatError {
  return new FormatError('the lengths inside TSIG do not add up to its rdata');
}
