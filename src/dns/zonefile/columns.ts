/** What stands between the owner and the data of a record: TTL and class in any order, then the type. */
import { NameError, parseName } from '../name.ts';
import { parsePeriod } from '../rdata/period.ts';
import type { RdataText } from '../rdata/text.ts';
import { isMetaType, typeFromText } from '../types.ts';
import { LineProblem } from './error.ts';

/** The longest TTL (RFC 2181, 8). */
export const MAX_TTL = 0x7fffffff;

/** Takes TTL, class and type. The TTL is undefined where none is stated. Throws LineProblem, RdataError. */
export function readTtlClassType(words: RdataText): { ttl: number | undefined; type: number | 'ALIAS' } {
  let ttl: number | undefined;
  let hasClass = false;
  for (;;) {
    const word = words.word('a record type');
    if (!hasClass && (word === 'IN' || /^(in|class1)$/i.test(word))) {
      hasClass = true;
      continue;
    }
    if (ttl === undefined && startsWithDigit(word)) {
      ttl = ttlFromText(word);
      continue;
    }
    return { ttl, type: typeOf(word) };
  }
}

/** Seconds, or a time with units. Throws LineProblem. */
export function ttlFromText(word: string): number {
  const seconds = parsePeriod(word);
  if (seconds !== undefined && seconds <= MAX_TTL) return seconds;
  throw new LineProblem(
    `got the TTL "${word}": a number of seconds from 0 to ${MAX_TTL}, or a time such as 1h30m, is expected`,
  );
}

/** The data of an ALIAS: one name. Throws LineProblem, NameError, RdataError. */
export function readAliasTarget(words: RdataText): Buffer {
  const word = words.word('the name of the target');
  if (!words.ended) {
    throw new LineProblem(
      `ALIAS: "${words.words[words.at]}" is left over behind the target: the end of the record is expected`,
    );
  }
  try {
    return parseName(word, words.origin);
  } catch (error) {
    throw error instanceof NameError ? new NameError(`ALIAS target: ${error.message}`) : error;
  }
}

function typeOf(word: string): number | 'ALIAS' {
  const type = typeFromText(word);
  if (type !== undefined) {
    if (!isMetaType(type)) return type;
    throw new LineProblem(
      `${word} is a type of queries and messages: a type that a zone may hold is expected`,
    );
  }
  const upper = word.toUpperCase();
  if (upper === 'ALIAS' || upper === 'ANAME') return 'ALIAS';
  if (/^(IN|CH|HS|CS|CHAOS|HESIOD|NONE|CLASS\d+)$/.test(upper)) {
    throw new LineProblem(`got the class ${word}: IN, once or not at all, is expected`);
  }
  throw new LineProblem(`got "${word}": a record type such as A, MX, ALIAS or TYPE65400 is expected`);
}

function startsWithDigit(word: string): boolean {
  const code = word.charCodeAt(0);
  return code >= 48 && code <= 57;
}
