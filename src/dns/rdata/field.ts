/**
 * What an rdata is made of. A type is a list of fields; each field knows its text, its bytes and where they end, and
 * from that list everything else follows: parsing, printing, checking, lower-casing, compression.
 */
import { typeToText } from '../types.ts';
import type { RdataText } from './text.ts';
import type { WireBuilder } from './wire-builder.ts';

export interface Field {
  /** What the field is called in messages: `preference`, `exchange`. */
  readonly label: string;
  readonly isName: boolean;
  /** Takes its text and writes its bytes. Throws RdataError or NameError. */
  readonly parse: (text: RdataText, wire: WireBuilder) => void;
  /** Where the field that begins at `offset` ends, at most at `limit`. Throws FormatError. */
  readonly end: (bytes: Buffer, offset: number, limit: number) => number;
  /** The field's text; undefined where these bytes have none, so that the rdata is shown in its generic form. */
  readonly format: (bytes: Buffer, offset: number, end: number) => string | undefined;
}

/** What becomes of the names in an rdata. */
export interface NameRules {
  /** Written compressed: the types of RFC 1035 alone (RFC 3597, 4). */
  readonly compress: boolean;
  /** Understood when another server compressed them, though it should not have (RFC 3597, 4). */
  readonly decompress: boolean;
  /** Lower-cased for comparison (RFC 4034, 6.2; RFC 6840, 5.1). */
  readonly fold: boolean;
}

export interface Codec extends NameRules {
  readonly fields: readonly Field[];
  /** Refuses what each field allows and the type doesn't; `rdata` is complete. Text only, never the wire. */
  readonly check?: (rdata: Buffer) => void;
}

/** A codec whose names, if any, stand as they are: never compressed, never folded. */
export function plain(fields: readonly Field[], check?: (rdata: Buffer) => void): Codec {
  const codec = { fields, compress: false, decompress: false, fold: false };
  return check === undefined ? codec : { ...codec, check };
}

/** A codec of RFC 1035: names may be compressed. */
export function compressed(...fields: Field[]): Codec {
  return { fields, compress: true, decompress: true, fold: true };
}

/** A codec of the time before RFC 3597: names are understood compressed, written in full, compared in lower case. */
export function folded(...fields: Field[]): Codec {
  return { fields, compress: false, decompress: true, fold: true };
}

/** `MX preference` and the like: where in a record something is wrong. */
export function place(type: number, label: string): string {
  return `${typeToText(type)} ${label}`;
}
