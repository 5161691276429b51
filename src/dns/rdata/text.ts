import { quote, RdataError } from './error.ts';

/**
 * The words of one rdata in presentation format, read from first to last. `words` hold their escapes as written;
 * `quoted` tells which stood in double quotes (that are not part of the word).
 */
export class RdataText {
  readonly words: string[];
  readonly quoted: boolean[];
  /** The words in use, as the arrays of a zone file's lexer are used again and again. */
  count: number;
  /** The word that comes next. */
  at: number;
  /** What names without a final dot are relative to. */
  origin: Buffer | undefined;
  /** Whether such names are an error where no origin is set, as in zone files; else they are absolute. */
  originExpected: boolean;

  constructor(words: string[] = [], quoted: boolean[] = []) {
    this.words = words;
    this.quoted = quoted;
    this.count = words.length;
    this.at = 0;
    this.origin = undefined;
    this.originExpected = false;
  }

  get ended(): boolean {
    return this.at >= this.count;
  }

  /** The next word, which must not be quoted; `expected` completes the sentence "… is expected". */
  word(expected: string): string {
    if (this.at >= this.count) throw new RdataError(`nothing is there: ${expected} is expected`);
    const word = this.words[this.at]!;
    if (this.quoted[this.at])
      throw new RdataError(`got ${quote(word)} in quotes: ${expected} without quotes is expected`);
    this.at++;
    return word;
  }

  /** All words that are left, joined, for data that may be written in pieces (hexadecimal, Base64). */
  joined(expected: string): string {
    let all = this.word(expected);
    while (this.at < this.count) all += this.word(expected);
    return all;
  }
}

/**
 * Splits one rdata's text into words. Quotes may stand around a word or, as in `alpn="h2,h3"`, behind its `=`.
 *
 * @throws RdataError for an open quote, and for comments and parentheses, which belong to zone files
 */
export function splitRdata(text: string): RdataText {
  const result = new RdataText();
  let index = 0;
  while (index < text.length) {
    const code = text.charCodeAt(index);
    if (isBlank(code)) {
      index++;
      continue;
    }
    const isQuoted = code === QUOTE;
    const end = isQuoted ? endOfQuoted(text, index) : endOfWord(text, index);
    result.words.push(isQuoted ? text.slice(index + 1, end - 1) : text.slice(index, end));
    result.quoted.push(isQuoted);
    index = end;
  }
  result.count = result.words.length;
  return result;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function endOfQuoted(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === BACKSLASH) index++;
    else if (code === QUOTE) return index + 1;
  }
  throw new RdataError(
    `the quote before ${quote(text.slice(start + 1))} is not closed: a second one is expected`,
  );
}

function endOfWord(text: string, start: number): number {
  let index = start;
  for (; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (isBlank(code)) break;
    if (code === BACKSLASH) index++;
    else if (code === QUOTE) {
      if (index === start || text.charCodeAt(index - 1) !== EQUALS) break;
      index = endOfQuoted(text, index) - 1;
    } else if (code === SEMICOLON || code === OPEN || code === CLOSE) {
      const character = text[index];
      throw new RdataError(
        `a bare '${character}' stands in ${quote(text)}: put the text in double quotes, or write \\${character}`,
      );
    }
  }
  return Math.min(index, text.length);
}

const EQUALS = 0x3d;
const SEMICOLON = 0x3b;
const OPEN = 0x28;
const CLOSE = 0x29;

function isBlank(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}
