/**
 * Splits a zone file into entries and these into words (RFC 1035, 5.1): comments, quotes, and parentheses that let an
 * entry go on over lines. The arrays are used again for each entry, as there may be a million of them.
 */
import { ZoneFileError } from './error.ts';

export class ZoneFileLexer {
  /** The words of the entry, escapes as written, without the quotes around them. */
  readonly words: string[] = [];
  readonly quoted: boolean[] = [];
  /** The line of each word. */
  readonly lines: number[] = [];
  /** How many of the words belong to this entry. */
  count = 0;
  /** The line on which the entry begins. */
  line = 0;
  /** Whether the entry begins with white space, so that the owner is the one of the entry before. */
  ownerOmitted = false;

  readonly #text: string;
  readonly #file: string;
  #position: number;
  #nextLine = 1;

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
    this.#position = text.charCodeAt(0) === BYTE_ORDER_MARK ? 1 : 0;
  }

  /** Goes to the next entry that has words; false at the end of the file. Throws ZoneFileError. */
  next(): boolean {
    const text = this.#text;
    this.count = 0;
    let opened: number[] | undefined;
    let position = this.#position;
    this.ownerOmitted = kindOf(text.charCodeAt(position)) === BLANK;
    for (;;) {
      if (position >= text.length) {
        if (opened !== undefined && opened.length > 0) {
          throw this.#error(opened[0]!, 'a parenthesis is opened and not closed: a ) is expected');
        }
        this.#position = position;
        return this.count > 0;
      }
      const kind = kindOf(text.charCodeAt(position));
      if (kind === WORD || kind === ESCAPE) {
        position = this.#word(position);
      } else if (kind === BLANK) {
        position++;
      } else if (kind === NEWLINE) {
        position++;
        this.#nextLine++;
        if (opened !== undefined && opened.length > 0) continue;
        if (this.count > 0) {
          this.#position = position;
          return true;
        }
        this.ownerOmitted = kindOf(text.charCodeAt(position)) === BLANK;
      } else if (kind === COMMENT) {
        const end = text.indexOf('\n', position);
        position = end < 0 ? text.length : end;
      } else if (kind === QUOTE) {
        const end = this.#endOfQuoted(position);
        this.#push(text.slice(position + 1, end - 1), true);
        position = end;
      } else if (kind === OPEN) {
        opened ??= [];
        opened.push(this.#nextLine);
        position++;
      } else {
        if (opened?.pop() === undefined) {
          throw this.#error(
            this.#nextLine,
            'a parenthesis is closed that was not opened: a ( before it is expected',
          );
        }
        position++;
      }
    }
  }

  #word(start: number): number {
    const text = this.#text;
    let position = start;
    for (; position < text.length; position++) {
      const kind = kindOf(text.charCodeAt(position));
      if (kind === WORD) continue;
      if (kind === ESCAPE) {
        if (kindOf(text.charCodeAt(++position)) === NEWLINE || position >= text.length) {
          throw this.#error(this.#nextLine, 'a backslash ends the line: a character behind it is expected');
        }
      } else if (kind === QUOTE && position > start && text.charCodeAt(position - 1) === EQUALS) {
        // key="value", as SVCB and HTTPS have it (RFC 9460, 2.1), is one word.
        position = this.#endOfQuoted(position) - 1;
      } else {
        break;
      }
    }
    this.#push(text.slice(start, position), false);
    return position;
  }

  #push(word: string, quoted: boolean): void {
    if (this.count === 0) this.line = this.#nextLine;
    this.words[this.count] = word;
    this.quoted[this.count] = quoted;
    this.lines[this.count] = this.#nextLine;
    this.count++;
  }

  #endOfQuoted(start: number): number {
    const text = this.#text;
    for (let position = start + 1; position < text.length; position++) {
      const kind = kindOf(text.charCodeAt(position));
      if (kind === QUOTE) return position + 1;
      if (kind === ESCAPE) position++;
      if (kindOf(text.charCodeAt(position)) === NEWLINE) break;
    }
    throw this.#error(this.#nextLine, 'a quote is not closed: a second " on the same line is expected');
  }

  #error(line: number, what: string): ZoneFileError {
    return new ZoneFileError(this.#file, line, what);
  }
}

const BYTE_ORDER_MARK = 0xfeff;
const EQUALS = 0x3d;

const WORD = 0;
const BLANK = 1;
const NEWLINE = 2;
const COMMENT = 3;
const QUOTE = 4;
const OPEN = 5;
const CLOSE = 6;
const ESCAPE = 7;

const kinds = new Uint8Array(128);
for (const code of [0x20, 0x09, 0x0b, 0x0c, 0x0d]) kinds[code] = BLANK;
kinds[0x0a] = NEWLINE;
kinds[0x3b] = COMMENT;
kinds[0x22] = QUOTE;
kinds[0x28] = OPEN;
kinds[0x29] = CLOSE;
kinds[0x5c] = ESCAPE;

/** The kind of a character; NaN, from behind the end of the text, counts as part of a word. */
function kindOf(code: number): number {
  return code < 128 ? kinds[code]! : WORD;
}
