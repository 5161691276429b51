/**
 * The data of records. In the program an rdata is its uncompressed wire form; this folder turns it into text and back,
 * takes it out of messages, and tells which parts of it are names. `table.ts` lists the types.
 */
import { FormatError } from '../format-error.ts';
import { canonicalName, NameError, readName } from '../name.ts';
import { typeToText } from '../types.ts';
import { quote, RdataError } from './error.ts';
import { type Codec, place } from './field.ts';
import { formatGeneric, isGeneric, parseGeneric } from './generic.ts';
import { codecs } from './table.ts';
import { type RdataText, splitRdata } from './text.ts';
import { MAX_RDATA, WireBuilder } from './wire-builder.ts';

export { RdataError } from './error.ts';
export { decodeSoa, encodeSoa, type SoaFields, soaSerial, withSerial } from './soa.ts';

/** A piece of an rdata for a message writer: octets as they stand, or a name that may be compressed. */
export type RdataPiece =
  | { readonly bytes: Buffer; readonly name?: never }
  | { readonly name: Buffer; readonly bytes?: never };

/** Whether the type's data is understood, so that it has a text of its own. */
export function isKnownType(type: number): boolean {
  return codecs.has(type);
}

/**
 * Presentation to wire (RFC 1035, 5.1; RFC 3597, 5 for the generic form, which every type takes). Names inside without
 * a final dot are relative to `origin`, or absolute where none is given.
 *
 * @throws RdataError with the type, the field, what was found and what was expected
 */
export function parseRdata(type: number, text: string, origin?: Buffer): Buffer {
  let words: RdataText;
  try {
    words = splitRdata(text);
  } catch (error) {
    throw inPlace(error, typeToText(type));
  }
  words.origin = origin;
  return parseRdataWords(type, words);
}

/** As `parseRdata`, from words that a zone file's lexer has split already. */
export function parseRdataWords(type: number, text: RdataText): Buffer {
  const codec = codecs.get(type);
  if (isGeneric(text)) return parseGenericFor(type, codec, text);
  if (codec === undefined) {
    throw new RdataError(
      `${typeToText(type)} data is taken in its generic form alone: \\# LENGTH HEXADECIMAL is expected`,
    );
  }
  builder.start();
  let label = '';
  try {
    for (const field of codec.fields) {
      label = field.label;
      field.parse(text, builder);
    }
    label = 'data';
    if (!text.ended)
      throw new RdataError(`${quote(text.words[text.at]!)} is left over: the end of the record is expected`);
    const rdata = builder.finish();
    codec.check?.(rdata);
    return rdata;
  } catch (error) {
    throw inPlace(error, place(type, label));
  }
}

/** Wire to presentation, names absolute: one text for one rdata. What has no text of its own is in generic form. */
export function formatRdata(type: number, rdata: Buffer): string {
  const codec = codecs.get(type);
  if (codec === undefined) return formatGeneric(rdata);
  let text = '';
  let offset = 0;
  for (const field of codec.fields) {
    const end = field.end(rdata, offset, rdata.length);
    const part = field.format(rdata, offset, end);
    if (part === undefined) return formatGeneric(rdata);
    if (part !== '') text += text === '' ? part : ` ${part}`;
    offset = end;
  }
  return text;
}

/** The form in which equal data is equal byte for byte: names in lower case where RFC 4034, 6.2 says so. */
export function canonicalRdata(type: number, rdata: Buffer): Buffer {
  const codec = codecs.get(type);
  if (codec === undefined || !codec.fold || !hasName(codec)) return rdata;
  const canonical = Buffer.from(rdata);
  let offset = 0;
  for (const field of codec.fields) {
    const end = field.end(rdata, offset, rdata.length);
    if (field.isName) canonicalName(rdata.subarray(offset, end)).copy(canonical, offset);
    offset = end;
  }
  return canonical;
}

/**
 * Takes `length` octets of rdata out of a message: checks that they are what the type says, and writes compressed
 * names in full. The result is a copy. Unknown types are copied as they are (RFC 3597, 3).
 *
 * @throws FormatError
 */
export function readRdata(type: number, message: Buffer, offset: number, length: number): Buffer {
  const limit = offset + length;
  if (limit > message.length)
    throw new FormatError(`${typeToText(type)} data runs past the end of the message`);
  const codec = codecs.get(type);
  if (codec === undefined) return Buffer.from(message.subarray(offset, limit));
  try {
    if (codec.decompress) return decompress(codec, message, offset, limit);
    checkFields(codec, message, offset, limit);
    return Buffer.from(message.subarray(offset, limit));
  } catch (error) {
    if (error instanceof FormatError) throw new FormatError(`${typeToText(type)}: ${error.message}`);
    throw error;
  }
}

/** Whether names in this type's data may be written compressed: the types of RFC 1035 (RFC 3597, 4; RFC 5936, 3.4). */
export function isCompressible(type: number): boolean {
  return codecs.get(type)?.compress === true;
}

/** An rdata in the pieces that a message writer treats differently, in order. */
export function compressibleNames(type: number, rdata: Buffer): RdataPiece[] {
  const codec = codecs.get(type);
  if (codec === undefined || !codec.compress) return [{ bytes: rdata }];
  const pieces: RdataPiece[] = [];
  let offset = 0;
  let bytesFrom = 0;
  for (const field of codec.fields) {
    const end = field.end(rdata, offset, rdata.length);
    if (field.isName) {
      if (offset > bytesFrom) pieces.push({ bytes: rdata.subarray(bytesFrom, offset) });
      pieces.push({ name: rdata.subarray(offset, end) });
      bytesFrom = end;
    }
    offset = end;
  }
  if (rdata.length > bytesFrom) pieces.push({ bytes: rdata.subarray(bytesFrom) });
  return pieces;
}

const builder = new WireBuilder();

/** The generic form of a type that is understood must still be what the type says (RFC 3597, 5). */
function parseGenericFor(type: number, codec: Codec | undefined, text: RdataText): Buffer {
  try {
    const rdata = parseGeneric(text);
    if (codec !== undefined) checkFields(codec, rdata, 0, rdata.length);
    return rdata;
  } catch (error) {
    throw inPlace(error, place(type, 'data'));
  }
}

function checkFields(codec: Codec, bytes: Buffer, offset: number, limit: number): void {
  let position = offset;
  for (const field of codec.fields) position = field.end(bytes, position, limit);
  if (position !== limit) throw new FormatError(`${limit - position} octets are left over`);
}

function decompress(codec: Codec, message: Buffer, offset: number, limit: number): Buffer {
  const parts: Buffer[] = [];
  let position = offset;
  for (const field of codec.fields) {
    if (field.isName) {
      const { name, next } = readName(message, position);
      if (next > limit) throw new FormatError('a name runs past the end of its data');
      parts.push(name);
      position = next;
    } else {
      const end = field.end(message, position, limit);
      parts.push(message.subarray(position, end));
      position = end;
    }
  }
  if (position !== limit) throw new FormatError(`${limit - position} octets are left over`);
  const rdata = Buffer.concat(parts);
  if (rdata.length > MAX_RDATA)
    throw new FormatError(`data of ${rdata.length} octets when its names are written in full`);
  return rdata;
}

function hasName(codec: Codec): boolean {
  return codec.fields.some((field) => field.isName);
}

function inPlace(error: unknown, where: string): unknown {
  const isOurs = error instanceof RdataError || error instanceof NameError || error instanceof FormatError;
  return isOurs ? new RdataError(`${where}: ${error.message}`) : error;
}
