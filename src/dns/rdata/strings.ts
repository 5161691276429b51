/** Character-strings (RFC 1035, 3.3 and 5.1) and longer texts, between text and octets. */
import { FormatError } from '../format-error.ts';
import { quote, RdataError } from './error.ts';
import type { Field } from './field.ts';
import type { RdataText } from './text.ts';

/** Octets of one character-string, at most: its length is one octet. */
export const MAX_STRING = 255;

/** One character-string. It is refused when too long, never split: where to split is the author's to say. */
export function string(label: string): Field {
  return {
    label,
    isName: false,
    parse: (text, wire) => {
      const octets = nextString(text);
      if (octets.length > MAX_STRING) throw tooLong(octets.length);
      wire.uint8(octets.length);
      wire.octets(octets);
    },
    end: endOfString,
    format: (bytes, offset, end) => quoted(bytes, offset + 1, end),
  };
}

/** One or more character-strings to the end: TXT and its kin. */
export function strings(label: string): Field {
  const one = string(label);
  return {
    label,
    isName: false,
    parse: (text, wire) => {
      do one.parse(text, wire);
      while (!text.ended);
    },
    end: (bytes, offset, limit) => {
      let position = offset;
      do position = endOfString(bytes, position, limit);
      while (position < limit);
      return position;
    },
    format: (bytes, offset, end) => {
      let text = '';
      for (let position = offset; position < end; position += bytes[position]! + 1) {
        if (position > offset) text += ' ';
        text += quoted(bytes, position + 1, position + 1 + bytes[position]!);
      }
      return text;
    },
  };
}

/** Text to the end of the data, without a length of its own: the value of CAA, the target of URI. */
export function longText(label: string, minimum: 0 | 1): Field {
  return {
    label,
    isName: false,
    parse: (text, wire) => {
      const octets = nextString(text);
      if (octets.length < minimum)
        throw new RdataError('got an empty text: at least one character is expected');
      wire.octets(octets);
    },
    end: (_, offset, limit) => {
      if (limit - offset < minimum) throw new FormatError('the data ends before its text');
      return limit;
    },
    format: (bytes, offset, end) => quoted(bytes, offset, end),
  };
}

/** A short word with a length octet, letters and digits alone: the tag of CAA (RFC 8659, 4.1). */
export function tag(label: string): Field {
  const expected = 'a word of letters and digits such as issue';
  return {
    label,
    isName: false,
    parse: (text, wire) => {
      const word = text.word(expected);
      if (!/^[A-Za-z0-9]{1,255}$/.test(word))
        throw new RdataError(`got ${quote(word)}: ${expected} is expected`);
      wire.uint8(word.length);
      wire.octets(Buffer.from(word, 'latin1'));
    },
    end: (bytes, offset, limit) => {
      const end = endOfString(bytes, offset, limit);
      if (end === offset + 1) throw new FormatError('a tag is empty');
      return end;
    },
    format: (bytes, offset, end) => {
      const word = bytes.toString('latin1', offset + 1, end);
      return /^[A-Za-z0-9]+$/.test(word) ? word : undefined;
    },
  };
}

/** The octets behind a text with its escapes. Characters beyond ASCII count as their UTF-8, as in a file. */
export function octetsOf(word: string): Buffer {
  const octets = Buffer.from(word, 'utf8');
  if (!word.includes('\\')) return octets;
  let end = 0;
  for (let index = 0; index < octets.length; index++) {
    const octet = octets[index]!;
    if (octet !== BACKSLASH) {
      octets[end++] = octet;
      continue;
    }
    const first = octets[index + 1];
    if (first === undefined)
      throw new RdataError(`${quote(word)} ends in a backslash: write \\\\ for a backslash`);
    if (first < 48 || first > 57) {
      octets[end++] = first;
      index += 1;
      continue;
    }
    const digits = octets.toString('latin1', index + 1, index + 4);
    if (!/^[0-9]{3}$/.test(digits) || Number(digits) > 255) {
      throw new RdataError(
        `${quote(word)} has the escape "\\${digits}": three digits from \\000 to \\255 are expected`,
      );
    }
    octets[end++] = Number(digits);
    index += 3;
  }
  return octets.subarray(0, end);
}

/** The text of octets in double quotes, with the few escapes that it needs. */
export function quoted(bytes: Buffer, start: number, end: number): string {
  let text = '"';
  let plainFrom = start;
  for (let index = start; index < end; index++) {
    const octet = bytes[index]!;
    if (octet >= 0x20 && octet < 0x7f && octet !== QUOTE && octet !== BACKSLASH) continue;
    if (index > plainFrom) text += bytes.toString('latin1', plainFrom, index);
    text += octet === QUOTE ? '\\"' : octet === BACKSLASH ? '\\\\' : `\\${String(octet).padStart(3, '0')}`;
    plainFrom = index + 1;
  }
  if (end > plainFrom) text += bytes.toString('latin1', plainFrom, end);
  return `${text}"`;
}

/** The end of a character-string on the wire. */
export function endOfString(bytes: Buffer, offset: number, limit: number): number {
  if (offset >= limit) throw new FormatError('the data ends before a character-string');
  const end = offset + 1 + bytes[offset]!;
  if (end > limit) throw new FormatError('a character-string runs past the end of its data');
  return end;
}

const BACKSLASH = 0x5c;
const QUOTE = 0x22;

function nextString(text: RdataText): Buffer {
  if (text.ended) throw new RdataError('nothing is there: a text in double quotes is expected');
  const word = text.words[text.at]!;
  const wasQuoted = text.quoted[text.at]!;
  text.at++;
  if (!word.isWellFormed())
    throw new RdataError(`${quote(word)} holds half a character: valid Unicode is expected`);
  if (!wasQuoted && /(?:^|[^\\])(?:\\\\)*"/.test(word)) {
    throw new RdataError(
      `${quote(word)} has quotes inside: quotes around the whole text, or \\" within, are expected`,
    );
  }
  return octetsOf(word);
}

function tooLong(length: number): RdataError {
  return new RdataError(
    `a character-string of ${length} octets: at most ${MAX_STRING} are allowed, split it into several strings in quotes`,
  );
}
