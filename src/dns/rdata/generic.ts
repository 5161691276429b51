/** The generic form of any rdata: `\# length hexadecimal` (RFC 3597, 5). */
import { parseHex } from './binary.ts';
import { quote, RdataError } from './error.ts';
import type { RdataText } from './text.ts';
import { MAX_RDATA } from './wire-builder.ts';

/** Whether the words that are left are in generic form. */
export function isGeneric(text: RdataText): boolean {
  return !text.ended && text.words[text.at] === '\\#' && !text.quoted[text.at];
}

/** Takes `\# length hexadecimal`. Throws RdataError. */
export function parseGeneric(text: RdataText): Buffer {
  text.word('\\#');
  const lengthText = text.word('a length in octets');
  if (!/^\d{1,5}$/.test(lengthText) || Number(lengthText) > MAX_RDATA) {
    throw new RdataError(`got ${quote(lengthText)}: a length from 0 to ${MAX_RDATA} is expected`);
  }
  const length = Number(lengthText);
  const rdata = text.ended ? Buffer.alloc(0) : parseHex(text.joined('hexadecimal'));
  if (rdata.length !== length) {
    throw new RdataError(
      `the data has ${rdata.length} octets, its length says ${length}: both are expected to agree`,
    );
  }
  return rdata;
}

export function formatGeneric(rdata: Buffer): string {
  return rdata.length === 0 ? '\\# 0' : `\\# ${rdata.length} ${rdata.toString('hex')}`;
}
