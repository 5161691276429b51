/**
 * Domain names. A name is a Buffer: its uncompressed wire form (RFC 1035, 3.1) with the root byte at the end,
 * in the case it was written in. Whoever compares names does it by `nameKey`, `equalNames` or `canonicalName`.
 */
import { FormatError } from './format-error.ts';

/** Octets of one label, at most (RFC 1035, 2.3.4). */
export const MAX_LABEL = 63;
/** Octets of a whole name on the wire, root byte included, at most (RFC 1035, 2.3.4). */
export const MAX_NAME = 255;

/** A text that is no domain name. The message is one line for people. */
export class NameError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NameError';
  }
}

/** The root of the tree: one zero octet. */
export const ROOT: Buffer = Buffer.from([0]);

/**
 * Presentation form to wire (RFC 1035, 5.1): `\.` and `\DDD` escapes, `@` for the origin, names without a final dot
 * relative to the origin. Without an origin a missing final dot is an error.
 *
 * @throws NameError with what was wrong and what was expected
 */
export function parseName(text: string, origin?: Buffer): Buffer {
  if (text === '@') {
    if (origin === undefined) {
      throw new NameError(
        'name "@" stands for the origin, and none is set: write the name in full, with a final dot',
      );
    }
    return origin;
  }
  if (text === '.') return ROOT;
  if (text === '') throw new NameError('empty name: write "." for the root, "@" for the origin');
  const end = writeLabels(text);
  if (endedWithDot) {
    scratch[end] = 0;
    return copyOfScratch(end + 1, text);
  }
  if (origin === undefined) {
    throw new NameError(
      `name ${quote(text)} has no final dot: an absolute name such as "${shorten(text)}." is expected`,
    );
  }
  if (end + origin.length > MAX_NAME) throw tooLong(text);
  scratch.set(origin, end);
  return copyOfScratch(end + origin.length, text);
}

/**
 * Like `parseName` for places where every name is absolute (SQL, command line, HTTP): a missing final dot is added.
 *
 * @throws NameError
 */
export function absoluteName(text: string): Buffer {
  return parseName(text, text === '@' ? undefined : ROOT);
}

/** Wire to presentation: case kept, final dot, one spelling of every escape. */
export function formatName(wire: Buffer): string {
  return writeText(wire, keepCase);
}

/** The canonical text of a name, one for all its spellings: as `formatName`, with ASCII letters in lower case. */
export function nameKey(wire: Buffer): string {
  return writeText(wire, lowerCase);
}

/** A copy with ASCII letters in lower case: the form in which names are equal byte for byte (RFC 4034, 6.2). */
export function canonicalName(wire: Buffer): Buffer {
  // Length octets are at most 63, so that they can be folded along: none of them is an upper case letter's code
  // (65 to 90) within a well-formed name.
  const lower = Buffer.allocUnsafe(wire.length);
  for (let index = 0; index < wire.length; index++) lower[index] = lowerCase[wire[index]!]!;
  return lower;
}

/** Whether two names are the same, ASCII case apart (RFC 4343). */
export function equalNames(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && equalTail(a, 0, b);
}

/** Whether `name` is `zone` or lies below it. */
export function isBelow(name: Buffer, zone: Buffer): boolean {
  let offset = 0;
  while (name.length - offset > zone.length) offset += name[offset]! + 1;
  return name.length - offset === zone.length && equalTail(name, offset, zone);
}

/** The number of labels, the root's not counted: 0 for `.`, 2 for `example.com.`. */
export function labelCount(wire: Buffer): number {
  let count = 0;
  for (let offset = 0; wire[offset]! > 0; offset += wire[offset]! + 1) count++;
  return count;
}

/** The name without its first label: a view of the same bytes. The root's parent is the root. */
export function parentName(wire: Buffer): Buffer {
  return wire[0] === 0 ? wire : wire.subarray(wire[0]! + 1);
}

/**
 * Reads a name from a message (RFC 1035, 4.1.4): pointers are followed strictly backwards, so that none can loop.
 * Gives the uncompressed name, a copy, and the offset behind what stood at `offset`.
 *
 * @throws FormatError
 */
export function readName(message: Buffer, offset: number): { name: Buffer; next: number } {
  let length = 0;
  let position = offset;
  let segmentStart = offset;
  let next = -1;
  for (;;) {
    const octet = message[position];
    if (octet === undefined)
      throw new FormatError(`name at offset ${offset} runs past the end of the message`);
    if (octet === 0) break;
    if (octet <= MAX_LABEL) {
      if (length + octet + 2 > MAX_NAME) {
        throw new FormatError(`name at offset ${offset} is longer than ${MAX_NAME} octets`);
      }
      if (position + octet >= message.length) {
        throw new FormatError(`label at offset ${position} runs past the end of the message`);
      }
      const end = position + octet + 1;
      while (position < end) scratch[length++] = message[position++]!;
    } else if (octet >= 0xc0) {
      const low = message[position + 1];
      if (low === undefined) throw new FormatError(`compression pointer at offset ${position} is cut short`);
      const target = ((octet & 0x3f) << 8) | low;
      if (target >= segmentStart) {
        throw new FormatError(`compression pointer at offset ${position} does not point backwards`);
      }
      if (next < 0) next = position + 2;
      position = target;
      segmentStart = target;
    } else {
      throw new FormatError(
        `label at offset ${position} has the unknown type 0x${(octet & 0xc0).toString(16)}`,
      );
    }
  }
  if (next < 0) next = position + 1;
  scratch[length++] = 0;
  return { name: Buffer.from(scratch.subarray(0, length)), next };
}

/**
 * The offset behind an uncompressed name in stored rdata.
 *
 * @throws FormatError where the name is compressed, too long or not ended before `limit`
 */
export function endOfName(bytes: Buffer, offset: number, limit: number = bytes.length): number {
  let position = offset;
  for (;;) {
    if (position >= limit) throw new FormatError('a name runs past the end of its data');
    const octet = bytes[position]!;
    if (octet > MAX_LABEL) throw new FormatError('a name is compressed where compression is not allowed');
    position += octet + 1;
    if (position - offset > MAX_NAME) throw new FormatError(`a name is longer than ${MAX_NAME} octets`);
    if (octet === 0) return position;
  }
}

// The labels of one name are put together here and copied out once: names are parsed by the million.
const scratch = Buffer.alloc(MAX_NAME + 1);
let endedWithDot = false;

const BACKSLASH = 0x5c;
const DOT = 0x2e;

/** Writes the labels of `text` into `scratch` without a root byte; sets `endedWithDot`. Gives their length. */
function writeLabels(text: string): number {
  let lengthAt = 0;
  let end = 1;
  endedWithDot = false;
  for (let index = 0; index < text.length; index++) {
    let code = text.charCodeAt(index);
    endedWithDot = false;
    if (code === DOT) {
      if (end - lengthAt === 1) {
        throw new NameError(`name ${quote(text)} has an empty label: one dot between labels is expected`);
      }
      closeLabel(text, lengthAt, end);
      lengthAt = end++;
      endedWithDot = true;
      continue;
    }
    if (code === BACKSLASH) {
      code = readEscape(text, index);
      index += isDigit(text.charCodeAt(index + 1)) ? 3 : 1;
    } else if (!(plainInput[code] === 1)) {
      throw new NameError(`name ${quote(text)} has ${describe(text, index)}: ${expectedFor(code)}`);
    }
    if (end >= MAX_NAME) {
      // Which of both limits is broken is told by the label, as the longer one is the rarer mistake.
      if (end - lengthAt > MAX_LABEL) throw labelTooLong(text);
      throw tooLong(text);
    }
    scratch[end++] = code;
  }
  if (endedWithDot) return lengthAt;
  closeLabel(text, lengthAt, end);
  return end;
}

function closeLabel(text: string, lengthAt: number, end: number): void {
  const length = end - lengthAt - 1;
  if (length > MAX_LABEL) throw labelTooLong(text);
  if (end >= MAX_NAME) throw tooLong(text);
  scratch[lengthAt] = length;
}

/** The octet behind a backslash at `index`: `\DDD` in decimal, or the character itself. */
function readEscape(text: string, index: number): number {
  const first = text.charCodeAt(index + 1);
  if (!isDigit(first)) {
    if (first >= 0x20 && first < 0x7f) return first;
    throw new NameError(
      `name ${quote(text)} has a backslash without a character: write \\\\ for a backslash, \\DDD for an octet`,
    );
  }
  const second = text.charCodeAt(index + 2);
  const third = text.charCodeAt(index + 3);
  const value = (first - 48) * 100 + (second - 48) * 10 + (third - 48);
  if (!isDigit(second) || !isDigit(third) || value > 255) {
    throw new NameError(
      `name ${quote(text)} has the escape "${text.slice(index, index + 4)}": three digits from \\000 to \\255 are expected`,
    );
  }
  return value;
}

function copyOfScratch(length: number, text: string): Buffer {
  if (length > MAX_NAME) throw tooLong(text);
  const name = Buffer.allocUnsafe(length);
  for (let index = 0; index < length; index++) name[index] = scratch[index]!;
  return name;
}

// 1 for what may stand in a name as itself: printable ASCII but the separators of zone files.
const plainInput = new Uint8Array(128);
for (let code = 0x21; code < 0x7f; code++)
  plainInput[code] = '";()\\'.includes(String.fromCharCode(code)) ? 0 : 1;

// 0: as itself, 1: behind a backslash, 2: as \DDD.
const escaping = new Uint8Array(256).fill(2);
for (let code = 0x21; code < 0x7f; code++)
  escaping[code] = '.\\";()@$'.includes(String.fromCharCode(code)) ? 1 : 0;

const keepCase = new Uint8Array(256).map((_, octet) => octet);
const lowerCase = new Uint8Array(256).map((_, octet) =>
  octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet,
);

// A name of 255 octets that are all written as \DDD.
const textScratch = Buffer.alloc(4 * MAX_NAME + 8);

function writeText(wire: Buffer, letters: Uint8Array): string {
  if (wire.length === 1) return '.';
  let end = 0;
  let position = 0;
  for (;;) {
    const length = wire[position++]!;
    if (length === 0 || position + length > wire.length) break;
    for (const stop = position + length; position < stop; position++) {
      const octet = wire[position]!;
      const how = escaping[octet]!;
      if (how === 0) {
        textScratch[end++] = letters[octet]!;
        continue;
      }
      textScratch[end++] = BACKSLASH;
      if (how === 1) {
        textScratch[end++] = octet;
      } else {
        textScratch[end++] = 48 + Math.floor(octet / 100);
        textScratch[end++] = 48 + (Math.floor(octet / 10) % 10);
        textScratch[end++] = 48 + (octet % 10);
      }
    }
    textScratch[end++] = DOT;
  }
  return textScratch.toString('latin1', 0, end);
}

function equalTail(a: Buffer, offset: number, b: Buffer): boolean {
  for (let index = 0; index < b.length; index++) {
    const left = a[offset + index]!;
    const right = b[index]!;
    if (left !== right && lowerCase[left] !== lowerCase[right]) return false;
  }
  return true;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function labelTooLong(text: string): NameError {
  return new NameError(
    `name ${quote(text)} has a label over ${MAX_LABEL} octets: at most ${MAX_LABEL} are allowed`,
  );
}

function tooLong(text: string): NameError {
  return new NameError(
    `name ${quote(text)} is over ${MAX_NAME} octets on the wire: at most ${MAX_NAME} are allowed`,
  );
}

function describe(text: string, index: number): string {
  const code = text.codePointAt(index)!;
  if (code === 0x20) return 'a space';
  if (code < 0x20 || code === 0x7f) return `the control character ${code}`;
  return `the character '${String.fromCodePoint(code)}'`;
}

function expectedFor(code: number): string {
  if (code > 0x7e) return 'ASCII is expected, internationalised names as xn--…, other octets as \\DDD';
  return `write it as \\${code > 0x20 && code < 0x7f ? String.fromCharCode(code) : code.toString().padStart(3, '0')}`;
}

function quote(text: string): string {
  return `"${shorten(text)}"`;
}

/** Keeps a message to one readable line, whatever was given as a name. */
function shorten(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced
  const clean = text.replace(/[\u0000-\u001f\u007f]/g, '?');
  return clean.length > 80 ? `${clean.slice(0, 77)}…` : clean;
}
