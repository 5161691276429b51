/** Writing DNS messages (RFC 1035, 4), with names compressed. The counterpart of `message.ts`. */
import { FormatError } from './format-error.ts';
import { type EdnsOption, HEADER_LENGTH } from './message.ts';
import { MAX_LABEL, MAX_NAME } from './name.ts';
import { SuffixTable } from './suffix-table.ts';
import { TYPE } from './types.ts';

export type Section = 'answer' | 'authority' | 'additional';

export interface WriterOptions {
  /** Octets that the message may have, at most 65,535. */
  limit: number;
  /** Octets of the limit that are kept free of records: for OPT, and for a TSIG to be appended later. */
  reserve?: number;
  /** False writes every name in full (RFC 5936, 3.4: compression is optional). Default true. */
  compress?: boolean;
  /**
   * False keeps the question's name out of compression, so that the records come out the same whatever case the
   * question was asked in. Default true.
   */
  matchQuestion?: boolean;
}

export interface EdnsFields {
  udpSize: number;
  /** The upper eight bits of the response code. */
  extendedRcode?: number;
  version?: number;
  dnssecOk?: boolean;
  options?: EdnsOption[];
}

/**
 * One message after the other: `header`, `question`, `record` in the order of the sections, `opt`, `finish`; then
 * `reset` for the next. Names are matched with their case for compression, so that case survives (RFC 5936, 3.4);
 * pointers lead backwards and below 0x4000, into octets that this message wrote.
 */
export class MessageWriter {
  readonly #limit: number;
  readonly #recordLimit: number;
  readonly #matchQuestion: boolean;
  readonly #suffixes: SuffixTable | undefined;
  #bytes: Buffer;
  #length = HEADER_LENGTH;
  #id = 0;
  #flags = 0;
  #questions = 0;
  readonly #counts: [answer: number, authority: number, additional: number] = [0, 0, 0];
  #section = 0;

  constructor(options: WriterOptions) {
    this.#limit = options.limit;
    this.#recordLimit = options.limit - (options.reserve ?? 0);
    if (this.#limit > 65_535 || this.#recordLimit < HEADER_LENGTH) {
      throw new RangeError(`a message limit of ${options.limit} octets, ${options.reserve ?? 0} reserved`);
    }
    this.#matchQuestion = options.matchQuestion ?? true;
    this.#suffixes = options.compress === false ? undefined : new SuffixTable(options.limit);
    this.#bytes = Buffer.allocUnsafe(Math.min(options.limit, FIRST_ROOM));
  }

  /** Octets written so far, header included. */
  get length(): number {
    return this.#length;
  }

  /** Records written so far, OPT included. */
  get recordCount(): number {
    return this.#counts[0] + this.#counts[1] + this.#counts[2];
  }

  /** Sets the header; the counts are the writer's own. May be called at any time before `finish`. */
  header(fields: { id: number; flags: number }): this {
    this.#id = fields.id;
    this.#flags = fields.flags;
    return this;
  }

  /** Copies a question: its uncompressed name, type and class. Stands before all records. */
  question(wire: Buffer): this {
    if (this.recordCount > 0) throw new Error('a question can not be written behind a record');
    if (!this.#makeRoom(wire.length, this.#limit)) {
      throw new RangeError('the question does not fit the message');
    }
    if (this.#matchQuestion) {
      this.#name(wire, 0, wire.length - 4, this.#limit);
      this.#copy(wire, wire.length - 4, wire.length);
    } else {
      this.#copy(wire, 0, wire.length);
    }
    this.#questions++;
    return this;
  }

  /**
   * Writes one record; `rdata` is uncompressed. False where it does not fit: the message is as it was before.
   *
   * @throws FormatError where the rdata of a type with names is not well-formed; the message is as it was too
   */
  record(
    name: Buffer,
    type: number,
    recordClass: number,
    ttl: number,
    rdata: Buffer,
    section: Section = 'answer',
  ): boolean {
    const { length } = name;
    return this.#add(section, name, 0, length, type, recordClass, ttl, rdata, 0, rdata.length);
  }

  /**
   * The same for a record in its wire form without compression, from `start` to `end` of `bytes`: no object is made
   * for it.
   */
  wireRecord(bytes: Buffer, start: number, end: number, section: Section = 'answer'): boolean {
    const at = endOfName(bytes, start, end);
    if (at + 10 > end) throw new FormatError('a record to be written ends within its fixed part');
    const type = (bytes[at]! << 8) | bytes[at + 1]!;
    const recordClass = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    const ttl = bytes.readUInt32BE(at + 4);
    return this.#add(section, bytes, start, at, type, recordClass, ttl, bytes, at + 10, end);
  }

  /** Takes back the answers behind the first `answers`, where the message had `length` octets. */
  rewind(length: number, answers: number): this {
    this.#length = length;
    this.#suffixes?.forgetFrom(length);
    this.#counts[0] = answers;
    return this;
  }

  /** Writes OPT (RFC 6891, 6.1.2), also into the octets reserved. False where it does not fit. */
  opt(fields: EdnsFields): boolean {
    const index = this.#indexOf('additional');
    const options = fields.options ?? [];
    const optionsLength = options.reduce((sum, option) => sum + 4 + option.data.length, 0);
    if (!this.#makeRoom(11 + optionsLength, this.#limit)) return false;
    const bytes = this.#bytes;
    let offset = bytes.writeUInt8(0, this.#length);
    offset = bytes.writeUInt16BE(TYPE.OPT, offset);
    offset = bytes.writeUInt16BE(fields.udpSize, offset);
    offset = bytes.writeUInt8(fields.extendedRcode ?? 0, offset);
    offset = bytes.writeUInt8(fields.version ?? 0, offset);
    offset = bytes.writeUInt16BE(fields.dnssecOk === true ? 0x8000 : 0, offset);
    offset = bytes.writeUInt16BE(optionsLength, offset);
    for (const option of options) {
      offset = bytes.writeUInt16BE(option.code, offset);
      offset = bytes.writeUInt16BE(option.data.length, offset);
      offset += option.data.copy(bytes, offset);
    }
    this.#length = offset;
    this.#count(index);
    return true;
  }

  /** The message: a copy, so that the writer can go on. */
  finish(): Buffer {
    const bytes = this.#bytes;
    bytes.writeUInt16BE(this.#id, 0);
    bytes.writeUInt16BE(this.#flags, 2);
    bytes.writeUInt16BE(this.#questions, 4);
    this.#counts.forEach((count, index) => {
      bytes.writeUInt16BE(count, 6 + 2 * index);
    });
    return Buffer.from(bytes.subarray(0, this.#length));
  }

  /** Begins the next message, with the same limits and header; the room and tables are used again. */
  reset(): this {
    this.#length = HEADER_LENGTH;
    this.#suffixes?.forgetFrom(HEADER_LENGTH);
    this.#questions = 0;
    this.#counts.fill(0);
    this.#section = 0;
    return this;
  }

  #add(
    section: Section,
    name: Buffer,
    nameStart: number,
    nameEnd: number,
    type: number,
    recordClass: number,
    ttl: number,
    rdata: Buffer,
    rdataStart: number,
    rdataEnd: number,
  ): boolean {
    const index = this.#indexOf(section);
    const start = this.#length;
    let isWritten = false;
    try {
      isWritten = this.#record(name, nameStart, nameEnd, type, recordClass, ttl, rdata, rdataStart, rdataEnd);
    } finally {
      if (!isWritten) {
        this.#length = start;
        this.#suffixes?.forgetFrom(start);
      }
    }
    if (isWritten) this.#count(index);
    return isWritten;
  }

  #record(
    name: Buffer,
    nameStart: number,
    nameEnd: number,
    type: number,
    recordClass: number,
    ttl: number,
    rdata: Buffer,
    rdataStart: number,
    rdataEnd: number,
  ): boolean {
    const limit = this.#recordLimit;
    if (!this.#name(name, nameStart, nameEnd, limit) || !this.#makeRoom(10, limit)) return false;
    const at = this.#length;
    const bytes = this.#bytes;
    bytes[at] = type >>> 8;
    bytes[at + 1] = type;
    bytes[at + 2] = recordClass >>> 8;
    bytes[at + 3] = recordClass;
    bytes[at + 4] = ttl >>> 24;
    bytes[at + 5] = ttl >>> 16;
    bytes[at + 6] = ttl >>> 8;
    bytes[at + 7] = ttl;
    this.#length = at + 10;
    if (!this.#rdata(type, rdata, rdataStart, rdataEnd, limit)) return false;
    const length = this.#length - at - 10;
    this.#bytes[at + 8] = length >>> 8;
    this.#bytes[at + 9] = length;
    return true;
  }

  #indexOf(section: Section): number {
    const index = section === 'answer' ? 0 : section === 'authority' ? 1 : 2;
    if (index < this.#section) throw new Error(`a record of the ${section} section comes too late`);
    return index;
  }

  #count(index: number): void {
    this.#section = index;
    this.#counts[index]!++;
  }

  /** The types of RFC 1035 whose names may be compressed (RFC 3597, 4; RFC 5936, 3.4), all others as they are. */
  #rdata(type: number, rdata: Buffer, start: number, end: number, limit: number): boolean {
    let names = 1;
    let offset = start;
    if (type === TYPE.MX) offset += 2;
    else if (type === TYPE.SOA) names = 2;
    else if (type !== TYPE.NS && type !== TYPE.CNAME && type !== TYPE.PTR) names = 0;
    if (offset > start) {
      if (!this.#makeRoom(offset - start, limit)) return false;
      this.#copy(rdata, start, offset);
    }
    for (; names > 0; names--) {
      const nameEnd = endOfName(rdata, offset, end);
      if (!this.#name(rdata, offset, nameEnd, limit)) return false;
      offset = nameEnd;
    }
    if (!this.#makeRoom(end - offset, limit)) return false;
    this.#copy(rdata, offset, end);
    return true;
  }

  /** Writes the name between `start` and `end` of `wire`: its longest suffix known already becomes a pointer. */
  #name(wire: Buffer, start: number, end: number, limit: number): boolean {
    if (this.#suffixes === undefined) {
      if (!this.#makeRoom(end - start, limit)) return false;
      this.#copy(wire, start, end);
      return true;
    }
    // The table reads and grows the message's own octets, so the room comes first. A pointer needs two octets, no
    // more than any name but the root's.
    const known = this.#suffixes.find(this.#bytes, wire, start, end);
    const plain = known.length;
    const pointer = known.pointer;
    if (!this.#makeRoom(plain + (pointer > 0 ? 2 : 1), limit)) return false;
    const at = this.#length;
    this.#copy(wire, start, start + plain);
    const bytes = this.#bytes;
    if (pointer > 0) {
      bytes[this.#length++] = 0xc0 | (pointer >>> 8);
      bytes[this.#length++] = pointer;
    } else {
      bytes[this.#length++] = 0;
    }
    if (plain > 0) this.#suffixes.learn(at);
    return true;
  }

  #makeRoom(octets: number, limit: number): boolean {
    const needed = this.#length + octets;
    if (needed <= this.#bytes.length) return needed <= limit;
    if (needed > limit) return false;
    const larger = Buffer.allocUnsafe(Math.min(this.#limit, Math.max(needed, 4 * this.#bytes.length)));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
    return true;
  }

  #copy(from: Buffer, start: number, end: number): void {
    const bytes = this.#bytes;
    let at = this.#length;
    this.#length = at + end - start;
    if (end - start > 64) {
      from.copy(bytes, at, start, end);
      return;
    }
    for (let index = start; index < end; index++) bytes[at++] = from[index]!;
  }
}

/** Octets to begin with; few messages but transfers need more. */
const FIRST_ROOM = 2048;

function endOfName(rdata: Buffer, start: number, end: number): number {
  for (let offset = start; offset - start < MAX_NAME && offset < end; ) {
    const length = rdata[offset];
    if (length === 0) return offset + 1;
    if (length === undefined || length > MAX_LABEL) break;
    offset += length + 1;
  }
  throw new FormatError('the rdata of a record to be written has a malformed name');
}
