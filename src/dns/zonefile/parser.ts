/** From the entries of a zone file to records (RFC 1035, 5.1; RFC 2308, 4 for $TTL). */
import { absoluteName, equalNames, formatName, NameError, parseName } from '../name.ts';
import { formatRdata, parseRdataWords, RdataError } from '../rdata/index.ts';
import { decodeSoa } from '../rdata/soa.ts';
import { RdataText } from '../rdata/text.ts';
import { TYPE } from '../types.ts';
import { MAX_TTL, readAliasTarget, readTtlClassType, ttlFromText } from './columns.ts';
import { LineProblem, ZoneFileError } from './error.ts';
import { isDataInQuotes, parseRange, splitData, substitute } from './generate.ts';
import { ZoneFileLexer } from './lexer.ts';

/** A record of the file. ANAME is another spelling of ALIAS. */
export interface ZoneFileRecord {
  /** Wire form, absolute. */
  readonly name: Buffer;
  readonly type: 'ALIAS' | number;
  /** Seconds. */
  readonly ttl: number;
  /** Wire form; for an ALIAS the name of its target. */
  readonly rdata: Buffer;
  /** The data in presentation format, its names absolute. */
  readonly text: string;
  /** The line on which the record begins, from 1. */
  readonly line: number;
}

export interface ZoneFileOptions {
  /** What names are relative to before the first $ORIGIN: wire form, or absolute text. */
  readonly origin?: string | Buffer | undefined;
  /** What the file is called in messages. */
  readonly file?: string | undefined;
  /** Seconds, for records without a TTL in a file that states none anywhere before. */
  readonly defaultTtl?: number | undefined;
}

/** Records that the $GENERATE lines of one file may stand for, at most. */
export const MAX_GENERATED_IN_FILE = 1_000_000;
/** Characters of text that they may stand for, at most: long ones are fewer. */
export const MAX_GENERATED_TEXT = 64 * 1024 * 1024;

export class ZoneFileParser {
  readonly file: string;
  /** The origin that the caller gave. */
  readonly statedOrigin: Buffer | undefined;
  /** The owner of the SOA record, once it was read. */
  soaOwner: Buffer | undefined;
  /** What relative names were relative to first. */
  firstOrigin: Buffer | undefined;

  readonly #lexer: ZoneFileLexer;
  readonly #words: RdataText;
  #origin: Buffer | undefined;
  #owner: Buffer | undefined;
  #ownerText = '';
  #ownerOrigin: Buffer | undefined;
  #defaultTtl: number | undefined;
  #lastTtl: number | undefined;
  #soa: ZoneFileRecord | undefined;
  #generated = 0;
  #generatedText = 0;
  readonly #fallbackTtl: number | undefined;

  constructor(text: string, options: ZoneFileOptions) {
    this.file = options.file ?? 'zone file';
    this.#lexer = new ZoneFileLexer(text, this.file);
    this.#words = new RdataText(this.#lexer.words, this.#lexer.quoted);
    this.#words.originExpected = true;
    this.#fallbackTtl = options.defaultTtl;
    const { origin } = options;
    this.statedOrigin = typeof origin === 'string' ? absoluteName(origin) : origin;
    if (this.statedOrigin !== undefined) this.#setOrigin(this.statedOrigin);
  }

  /** The records, one after the other. Throws ZoneFileError. */
  *records(): Generator<ZoneFileRecord, void, void> {
    while (this.#lexer.next()) {
      const first = this.#lexer.words[0]!;
      if (first.charCodeAt(0) === DOLLAR && !this.#lexer.quoted[0]) {
        if (first.toUpperCase() === '$GENERATE') yield* this.#generate();
        else this.#directive(first);
        continue;
      }
      this.#words.count = this.#lexer.count;
      const record = this.#record(this.#words, this.#lexer.ownerOmitted);
      if (record !== undefined) yield record;
    }
  }

  /** One entry; undefined for what a dump of a transfer has at its end, the SOA record once more. */
  #record(words: RdataText, ownerOmitted: boolean): ZoneFileRecord | undefined {
    words.at = 0;
    words.origin = this.#origin;
    try {
      const name = ownerOmitted ? this.#lastOwner() : this.#ownerOf(words.word('an owner name'));
      const { ttl, type } = readTtlClassType(words);
      const isAlias = type === 'ALIAS';
      const rdata = isAlias ? readAliasTarget(words) : parseRdataWords(type, words);
      const record: ZoneFileRecord = {
        name,
        type,
        ttl: this.#ttlOf(ttl, type, rdata),
        rdata,
        text: isAlias ? formatName(rdata) : formatRdata(type, rdata),
        line: this.#lexer.line,
      };
      return type === TYPE.SOA ? this.#checkSoa(record) : record;
    } catch (error) {
      throw this.#located(error, words.at);
    }
  }

  #ownerOf(text: string): Buffer {
    // Records of one name follow each other: they share one Buffer.
    if (this.#owner === undefined || text !== this.#ownerText || this.#ownerOrigin !== this.#origin) {
      this.#owner = parseName(text, this.#origin);
      this.#ownerText = text;
      this.#ownerOrigin = this.#origin;
    }
    return this.#owner;
  }

  #lastOwner(): Buffer {
    if (this.#owner !== undefined) return this.#owner;
    throw new LineProblem(
      'the line begins with white space and no record stands before it: an owner name is expected',
    );
  }

  /** The TTL stated, else that of $TTL (RFC 2308, 4), else the last one stated (RFC 1035, 5.1), else the SOA's. */
  #ttlOf(stated: number | undefined, type: 'ALIAS' | number, rdata: Buffer): number {
    if (stated !== undefined) {
      this.#lastTtl = stated;
      return stated;
    }
    const known = this.#defaultTtl ?? this.#lastTtl;
    if (known !== undefined) return known;
    if (type === TYPE.SOA) this.#lastTtl = Math.min(decodeSoa(rdata).minimum, MAX_TTL);
    const ttl = this.#lastTtl ?? this.#fallbackTtl;
    if (ttl === undefined)
      throw new LineProblem(
        'the record has no TTL and none is set before it: a TTL or a line $TTL is expected',
      );
    return ttl;
  }

  #checkSoa(record: ZoneFileRecord): ZoneFileRecord | undefined {
    const first = this.#soa;
    if (first === undefined) {
      this.#soa = record;
      this.soaOwner = record.name;
      return record;
    }
    if (equalNames(first.name, record.name) && first.rdata.equals(record.rdata)) return undefined;
    throw new LineProblem(`a second SOA record, the first one stands on line ${first.line}: one is expected`);
  }

  #directive(directive: string): void {
    const words = this.#words;
    words.count = this.#lexer.count;
    words.at = 1;
    try {
      switch (directive.toUpperCase()) {
        case '$ORIGIN':
          this.#setOrigin(parseName(words.word('a name'), this.#origin));
          break;
        case '$TTL':
          this.#defaultTtl = ttlFromText(words.word('a TTL'));
          break;
        case '$INCLUDE':
          throw new LineProblem(
            `$INCLUDE ${words.ended ? '' : `of "${words.word('a file')}" `}is not taken: put all records into one file`,
          );
        default:
          throw new LineProblem(
            `"${directive}" is unknown: $ORIGIN, $TTL or $GENERATE is expected, or \\$ in a name`,
          );
      }
      if (!words.ended)
        throw new LineProblem(
          `"${words.words[words.at]}" is left over behind ${directive}: the end of the line is expected`,
        );
    } catch (error) {
      throw this.#located(error, words.at);
    }
  }

  *#generate(): Generator<ZoneFileRecord, void, void> {
    const template = this.#lexer.words.slice(1, this.#lexer.count);
    const quoted = this.#lexer.quoted.slice(1, this.#lexer.count);
    const words = new RdataText([], quoted.slice(1));
    words.originExpected = true;
    words.count = Math.max(template.length - 1, 0);
    try {
      if (template.length < 4) {
        throw new LineProblem('$GENERATE is cut short: $GENERATE START-STOP OWNER TYPE DATA is expected');
      }
      const range = parseRange(template[0]!);
      for (let index = 1; index < template.length; index++) words.words[index - 1] = template[index]!;
      const isWhole = isDataInQuotes(words);
      for (let number = range.start; number <= range.stop; number += range.step) {
        if (++this.#generated > MAX_GENERATED_IN_FILE) {
          throw new LineProblem(
            `the $GENERATE lines stand for over ${MAX_GENERATED_IN_FILE} records: no more are allowed`,
          );
        }
        for (let index = 1; index < template.length; index++) {
          const word = substitute(template[index]!, number);
          words.words[index - 1] = word;
          this.#generatedText += word.length;
        }
        if (this.#generatedText > MAX_GENERATED_TEXT) {
          throw new LineProblem(
            `the $GENERATE lines stand for over ${MAX_GENERATED_TEXT} characters: no more are allowed`,
          );
        }
        if (isWhole) splitData(words, template.length - 2);
        const record = this.#record(words, false);
        if (record !== undefined) yield record;
      }
    } catch (error) {
      throw this.#located(error, 0);
    }
  }

  #setOrigin(origin: Buffer): void {
    this.#origin = origin;
    this.firstOrigin ??= origin;
  }

  /** Puts file and line before a message; `at` is the word behind the one that was wrong. */
  #located(error: unknown, at: number): unknown {
    if (error instanceof ZoneFileError || !(error instanceof Error)) return error;
    const isOurs = error instanceof LineProblem || error instanceof NameError || error instanceof RdataError;
    if (!isOurs) return error;
    const index = Math.min(Math.max(at - 1, 0), this.#lexer.count - 1);
    const hint = /has no final dot|none is set/.test(error.message) ? ', or a line $ORIGIN before' : '';
    return new ZoneFileError(this.file, this.#lexer.lines[index]!, error.message + hint);
  }
}

const DOLLAR = 0x24;
