/** Data to the end of the rdata in hexadecimal or Base64. */
import { FormatError } from '../format-error.ts';
import { quote, RdataError } from './error.ts';
import type { Field } from './field.ts';

/** Hexadecimal digits to the end, which may be written in several pieces. */
export function hex(label: string): Field {
  return {
    label,
    isName: false,
    parse: (text, wire) => wire.octets(parseHex(text.joined(HEX))),
    end: toTheEnd,
    format: (bytes, offset, end) => bytes.toString('hex', offset, end),
  };
}

/** Base64 to the end, which may be written in several pieces. */
export function base64(label: string): Field {
  return {
    label,
    isName: false,
    parse: (text, wire) => wire.octets(parseBase64(text.joined(BASE64))),
    end: toTheEnd,
    format: (bytes, offset, end) => bytes.toString('base64', offset, end),
  };
}

/** Octets from hexadecimal digits. Throws RdataError. */
export function parseHex(text: string): Buffer {
  if (!/^[0-9a-f]+$/i.test(text)) throw new RdataError(`got ${quote(text)}: ${HEX} is expected`);
  if (text.length % 2 !== 0)
    throw new RdataError(`got ${text.length} hexadecimal digits: an even number is expected`);
  return Buffer.from(text, 'hex');
}

/** Octets from Base64 with its padding. Throws RdataError. */
export function parseBase64(text: string): Buffer {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 !== 0) {
    throw new RdataError(`got ${quote(text)}: ${BASE64} is expected, in groups of four with = at the end`);
  }
  return Buffer.from(text, 'base64');
}

/** Refuses a digest whose length is not that of its algorithm; algorithms that are not listed may have any. */
export function checkDigest(
  rdata: Buffer,
  start: number,
  algorithm: number,
  octets: Readonly<Record<number, number>>,
): void {
  const expected = octets[algorithm];
  const actual = rdata.length - start;
  if (expected !== undefined && actual !== expected) {
    throw new RdataError(
      `the digest has ${actual} octets: ${expected} (${expected * 2} hexadecimal digits) are expected for digest type ${algorithm}`,
    );
  }
}

const HEX = 'hexadecimal';
const BASE64 = 'Base64';

function toTheEnd(_: Buffer, offset: number, limit: number): number {
  if (offset >= limit) throw new FormatError('the data ends before its last field');
  return limit;
}
