import type pg from 'pg';
import { absoluteName } from '../dns/name.ts';
import { typeFromText } from '../dns/types.ts';
import type { Client } from './pool.ts';

/**
 * The columns of a record that a secondary gets, in the binary form of COPY: a count of fields, then each with its length before it.
 * What PostgreSQL sends this way needs no text made or parsed, which is three times as fast.
 */
export const RECORD_COLUMNS = 'name, type, ttl, rdata';

const FIELDS = 4;

/** Turns rows of `RECORD_COLUMNS` in the binary form of COPY into packed records. */
export class RowPacker {
  readonly #room: number;
  #packed: Buffer;
  #length = 0;

  /** @param room octets to begin with, for each batch */
  constructor(room: number) {
    this.#room = room;
    this.#packed = Buffer.allocUnsafe(room);
  }

  get length(): number {
    return this.#length;
  }

  /** Takes what was packed so far; the next begins empty. */
  take(): Buffer {
    const packed = this.#packed.subarray(0, this.#length);
    this.#packed = Buffer.allocUnsafe(this.#room);
    this.#length = 0;
    return packed;
  }

  /**
   * Adds the row that begins at `at`. Gives where it ends.
   *
   * @throws Error where it is no such row
   */
  add(bytes: Buffer, at: number): number {
    if (bytes.readInt16BE(at) !== FIELDS)
      throw new Error('PostgreSQL sent a row of another form than asked for');
    const name = at + 6;
    const type = name + bytes.readInt32BE(at + 2) + 4;
    const ttl = type + bytes.readInt32BE(type - 4) + 4;
    const rdata = ttl + 8;
    const end = rdata + bytes.readInt32BE(rdata - 4);
    if (end > bytes.length) throw new Error('PostgreSQL sent a row that is cut short');
    this.#makeRoom(end - at + 16);
    this.#writeName(bytes, name, type - 4);
    const packed = this.#packed;
    let to = this.#length;
    to = packed.writeUInt16BE(typeNumber(bytes, type, ttl - 4), to);
    to = packed.writeUInt16BE(1, to);
    to = packed.writeUInt32BE(bytes.readUInt32BE(ttl), to);
    to = packed.writeUInt16BE(end - rdata, to);
    this.#length = to + bytes.copy(packed, to, rdata, end);
    return end;
  }

  #makeRoom(octets: number): void {
    if (this.#length + octets <= this.#packed.length) return;
    const larger = Buffer.allocUnsafe(2 * this.#packed.length + octets);
    this.#packed.copy(larger, 0, 0, this.#length);
    this.#packed = larger;
  }

  /** Text to wire form, label by label. What is escaped takes the long way. */
  #writeName(bytes: Buffer, start: number, end: number): void {
    const packed = this.#packed;
    let label = this.#length;
    let to = label + 1;
    for (let at = start; at < end; at++) {
      const octet = bytes[at]!;
      if (octet === BACKSLASH) {
        this.#length += absoluteName(bytes.toString('latin1', start, end)).copy(packed, this.#length);
        return;
      }
      if (octet === DOT) {
        packed[label] = to - label - 1;
        label = to++;
      } else packed[to++] = octet;
    }
    // the root is a single dot, whose empty label has been written
    if (end - start === 1 && bytes[start] === DOT) to = label;
    else packed[label] = 0;
    this.#length = to;
  }
}

/**
 * Reads rows by COPY within the transaction of `client`, as batches of packed records. PostgreSQL is held back where the reader is
 * slow, so no more than a few batches are in memory. Left before its end, it leaves the client in the middle of a COPY: then it has to
 * be thrown away.
 *
 * @param statement what to copy: a query for `RECORD_COLUMNS`
 */
export async function* copyRecords(client: Client, statement: string): AsyncGenerator<Buffer> {
  const copy = new CopyQuery(`copy (${statement}) to stdout (format binary)`);
  client.query(copy);
  for (let batch = await copy.next(); batch !== undefined; batch = await copy.next()) yield batch;
}

/** A query as the driver runs it, with its own hands on the rows. */
class CopyQuery {
  readonly #text: string;
  readonly #packer = new RowPacker(BATCH_BYTES + BATCH_SLACK);
  readonly #batches: Buffer[] = [];
  #stream: pg.Connection['stream'] | undefined;
  #isHeaderRead = false;
  #isEnded = false;
  #error: Error | undefined;
  #wake: () => void = () => {};

  constructor(text: string) {
    this.#text = text;
  }

  /** The next batch; undefined at the end. */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      if (this.#error !== undefined) throw this.#error;
      const batch = this.#batches.shift();
      if (batch !== undefined) {
        if (this.#batches.length < BATCHES_AHEAD) this.#stream?.resume();
        return batch;
      }
      if (this.#isEnded) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  submit(connection: pg.Connection): void {
    this.#stream = connection.stream;
    connection.query(this.#text);
  }

  /** A row, or the header with the first row; at the end a trailer. */
  handleCopyData({ chunk }: { chunk: Buffer }): void {
    if (this.#error !== undefined) return;
    try {
      let at = 0;
      if (!this.#isHeaderRead) {
        at = HEADER_BYTES + chunk.readUInt32BE(HEADER_BYTES - 4);
        this.#isHeaderRead = true;
      }
      while (at < chunk.length && chunk.readInt16BE(at) !== TRAILER) at = this.#packer.add(chunk, at);
      if (this.#packer.length >= BATCH_BYTES) this.#push();
    } catch (error) {
      this.#error = error as Error;
      this.#wake();
    }
  }

  handleCommandComplete(): void {
    if (this.#packer.length > 0) this.#push();
  }

  handleReadyForQuery(): void {
    this.#isEnded = true;
    this.#wake();
  }

  handleError(error: Error): void {
    this.#error ??= error;
    this.#wake();
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}
  handleCopyInResponse(): void {}

  #push(): void {
    this.#batches.push(this.#packer.take());
    if (this.#batches.length >= BATCHES_AHEAD) this.#stream?.pause();
    this.#wake();
  }
}

/** The number of a type written between `start` and `end`. */
function typeNumber(bytes: Buffer, start: number, end: number): number {
  if (end - start > 6) return typeFromText(bytes.toString('latin1', start, end)) ?? 0;
  let key = 0;
  for (let at = start; at < end; at++) key = key * 256 + bytes[at]!;
  const known = typeNumbers.get(key);
  if (known !== undefined) return known;
  const number = typeFromText(bytes.toString('latin1', start, end)) ?? 0;
  typeNumbers.set(key, number);
  return number;
}

/** By the octets of the text, up to six of them: there are few, and they come by the million. */
const typeNumbers = new Map<number, number>();

const DOT = 0x2e;
const BACKSLASH = 0x5c;
/** Signature, flags and the length of the header's extension. */
const HEADER_BYTES = 19;
const TRAILER = -1;
const BATCH_BYTES = 131_072;
const BATCH_SLACK = 4_096;
const BATCHES_AHEAD = 3;
