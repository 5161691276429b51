/**
 * $GENERATE: a range and a template that stands for many records (BIND's extension of zone files).
 * `$` is the number, `${offset,width,base}` the number shifted, padded and in another base, `\$` and `$$` a dollar.
 */
import { type RdataText, splitRdata } from '../rdata/text.ts';
import { readTtlClassType } from './columns.ts';
import { LineProblem } from './error.ts';

/** Records that one $GENERATE may stand for, at most: a reverse zone of a /16. */
export const MAX_GENERATED = 65_536;

export interface Range {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
}

/** `start-stop` or `start-stop/step`. Throws LineProblem. */
export function parseRange(text: string): Range {
  const [, start, stop, step = '1'] = /^(\d{1,10})-(\d{1,10})(?:\/(\d{1,10}))?$/.exec(text) ?? [];
  const range = { start: Number(start), stop: Number(stop), step: Number(step) };
  if (!(range.stop >= range.start && range.step > 0 && range.stop <= MAX_NUMBER)) {
    throw new LineProblem(
      `$GENERATE got the range "${text}": START-STOP or START-STOP/STEP is expected, as in 1-254`,
    );
  }
  const count = Math.floor((range.stop - range.start) / range.step) + 1;
  if (count > MAX_GENERATED) {
    throw new LineProblem(`$GENERATE stands for ${count} records: at most ${MAX_GENERATED} are allowed`);
  }
  return range;
}

/** A word of the template for one number. Throws LineProblem. */
export function substitute(template: string, number: number): string {
  if (!template.includes('$')) return template;
  return template.replace(
    /\\[\s\S]|\$\$|\$\{([^}$]*)\}|\$\{?/g,
    (found: string, modifier: string | undefined) => {
      if (found.startsWith('\\')) return found;
      if (found === '$$') return '\\$';
      if (found === '$') return String(number);
      return modify(modifier ?? found, number);
    },
  );
}

/** Whether all data of a template stand in one pair of quotes: BIND takes what is in them as it stands, `MX "10 mail$"`. Throws LineProblem, RdataError. */
export function isDataInQuotes(words: RdataText): boolean {
  words.at = 1;
  readTtlClassType(words);
  return words.at === words.count - 1 && words.quoted[words.at] === true;
}

/** Puts what is in those quotes, the word at `at`, in their place. */
export function splitData(words: RdataText, at: number): void {
  const text = words.words[at]!.replace(/\\[\s\S]/g, (found) => (found === '\\"' ? '"' : found));
  const data = splitRdata(text);
  words.count = at + data.count;
  for (let index = 0; index < data.count; index++) {
    words.words[at + index] = data.words[index]!;
    words.quoted[at + index] = data.quoted[index]!;
  }
}

const MAX_NUMBER = 0x7fffffff;
// A label has 63 octets, a name 255: no wider number has a use.
const MAX_WIDTH = 255;

function modify(modifier: string, number: number): string {
  const [, offset, width = '0', base = 'd'] =
    /^(-?\d{1,10})(?:,(\d{1,3})(?:,([doxXnN]))?)?$/.exec(modifier) ?? [];
  const value = number + Number(offset);
  if (offset === undefined || Number(width) > MAX_WIDTH) {
    throw new LineProblem(
      `$GENERATE got "\${${modifier}": \${OFFSET,WIDTH,BASE} is expected, BASE being one of d o x X n N`,
    );
  }
  if (value < 0 || value > MAX_NUMBER) {
    throw new LineProblem(
      `$GENERATE comes to the number ${value} with "\${${modifier}}": 0 to ${MAX_NUMBER} is expected`,
    );
  }
  switch (base) {
    case 'o':
      return value.toString(8).padStart(Number(width), '0');
    case 'x':
      return value.toString(16).padStart(Number(width), '0');
    case 'X':
      return value.toString(16).toUpperCase().padStart(Number(width), '0');
    case 'n':
      return nibbles(value, Number(width));
    case 'N':
      return nibbles(value, Number(width)).toUpperCase();
    default:
      return String(value).padStart(Number(width), '0');
  }
}

/**
 * Hexadecimal digits from the last to the first with dots between, as in ip6.arpa. The dots count for the width, and one ends the text
 * where the width says so.
 */
function nibbles(value: number, width: number): string {
  const digits = value.toString(16);
  const text = [...digits.padStart(Math.ceil(width / 2), '0')].reverse().join('.');
  return text.length < width ? `${text}.` : text;
}
