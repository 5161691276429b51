import { oneLine } from '../../errors.ts';
import { MAX_LABEL, MAX_NAME, ROOT } from './limits.ts';

/** A text that is no domain name. The message is one line for people. */
export class NameError extends Error {
  constructor(message: string) {
    super(oneLine(message));
    this.name = 'NameError';
  }
}

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
  return oneLine(text, 80);
}
