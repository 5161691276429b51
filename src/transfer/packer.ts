import { HEADER_LENGTH } from '../dns/message.ts';
import { lowerCase, nameKey } from '../dns/name.ts';
import { TYPE } from '../dns/types.ts';
import { type PublishedZone, packedNameEnd, packedRecordEnd, packRecords } from '../zone/version.ts';
import { Chunk, type RenderedMessage, unpackMessage } from './chunk.ts';
import { CHUNK_BYTES } from './limits.ts';
import { Renderer } from './rendering.ts';

/** What a run of chunks is rendered with. */
export interface ChunkOptions {
  /** Octets of a message from which on no further owner is begun in it. */
  readonly fill?: number;
  /** The zone, where the first chunk is to begin with its SOA, and to have room for a question. */
  readonly opening?: PublishedZone;
}

/**
 * Renders packed records that come owner by owner into chunks, each as full as one message can be. No owner is in two
 * chunks.
 */
export class ChunkPacker {
  readonly #renderer: Renderer;
  readonly #fill: number;
  readonly #sink: (chunk: Chunk) => void;
  #messages: RenderedMessage[] = [];
  #first = '';
  #content = 0;
  /** The records of the owner that is being written, to be written again where the message ends before it. */
  #owner: { packed: Buffer; start: number; end: number }[] = [];
  /** The message and the content before that owner. */
  #mark = { length: HEADER_LENGTH, answers: 0, content: 0 };
  #isFirst = true;

  /** @throws FormatError where the zone's SOA is malformed */
  constructor(sink: (chunk: Chunk) => void, options: ChunkOptions = {}) {
    this.#sink = sink;
    this.#fill = options.fill ?? CHUNK_BYTES;
    this.#renderer = new Renderer(options.opening?.nameWire);
    if (options.opening !== undefined) this.#renderer.record(...whole(soaOf(options.opening)));
  }

  /** @throws Error for a record that no message can hold */
  add(packed: Buffer): void {
    for (let at = 0; at < packed.length; ) {
      const end = packedRecordEnd(packed, at);
      this.addRecord(packed, at, end);
      at = end;
    }
  }

  addRecord(packed: Buffer, start: number, end: number): void {
    if (!this.#isSameOwner(packed, start)) this.#beginOwner(packed, start);
    this.#owner.push({ packed, start, end });
    this.#content += end - start;
    if (this.#renderer.record(packed, start, end)) return;
    if (this.#mark.answers > 0) {
      this.#endBeforeOwner();
      for (const record of this.#owner) this.#write(record.packed, record.start, record.end);
    } else {
      this.#write(packed, start, end);
    }
  }

  /** Adds the closing SOA where all is in one message yet, which may hold it; false where it isn't there now. */
  close(soa: Buffer): boolean {
    return this.#isFirst && this.#messages.length === 0 && this.#renderer.record(...whole(soa));
  }

  /** Ends the last chunk. Nothing can be added afterwards. */
  end(): void {
    this.#endChunk();
    this.#renderer.giveBack();
  }

  /** In a message of its owner's own: it is ended where it is full, and the owner goes on in the next. */
  #write(packed: Buffer, start: number, end: number): void {
    if (this.#renderer.record(packed, start, end)) return;
    if (this.#renderer.answers > 0) {
      this.#messages.push(this.#renderer.end());
      if (this.#renderer.record(packed, start, end)) return;
    }
    this.#messages.push(this.#renderer.alone(packed, start, end));
  }

  #beginOwner(packed: Buffer, start: number): void {
    // An owner that needed more than a message shares its last one with nobody.
    if (this.#messages.length > 0 || this.#renderer.length >= this.#fill) this.#endChunk();
    if (this.#renderer.answers === 0) this.#first = firstOwner(packed, start);
    this.#owner = [];
    const { length, answers } = this.#renderer;
    this.#mark = { length, answers, content: this.#content };
  }

  #endBeforeOwner(): void {
    const { length, answers, content } = this.#mark;
    const rest = this.#content - content;
    this.#renderer.rewind(length, answers);
    this.#content = content;
    this.#endChunk();
    this.#content = rest;
    this.#first = firstOwner(this.#owner[0]!.packed, this.#owner[0]!.start);
    this.#mark = { length: this.#renderer.length, answers: 0, content: 0 };
  }

  #endChunk(): void {
    if (this.#renderer.answers > 0) this.#messages.push(this.#renderer.end());
    if (this.#messages.length === 0) return;
    const chunk = new Chunk(this.#first, this.#messages, this.#content);
    this.#messages = [];
    this.#content = 0;
    this.#isFirst = false;
    this.#sink(chunk);
  }

  /** Owners are the same whatever their case. */
  #isSameOwner(packed: Buffer, start: number): boolean {
    const before = this.#owner[0];
    if (before === undefined) return false;
    for (let index = start, other = before.start; ; ) {
      const length = packed[index]!;
      if (length !== before.packed[other]) return false;
      if (length === 0) return true;
      for (const end = index + length; index <= end; index++, other++) {
        if (lowerCase[packed[index]!] !== lowerCase[before.packed[other]!]) return false;
      }
    }
  }
}

/**
 * A whole version as chunks: SOA, the records, SOA (RFC 5936, 2.2). A version that fits is one message of one chunk;
 * else the last SOA has a message to itself.
 */
export class VersionPacker {
  readonly #zone: PublishedZone;
  readonly #sink: (chunk: Chunk) => void;
  readonly #chunks: ChunkPacker;

  /** @throws FormatError where the zone's SOA is malformed */
  constructor(zone: PublishedZone, sink: (chunk: Chunk) => void) {
    this.#zone = zone;
    this.#sink = sink;
    this.#chunks = new ChunkPacker(sink, { opening: zone });
  }

  /** Packed records, owner by owner. A SOA among them is passed over. */
  add(packed: Buffer): void {
    for (let at = 0; at < packed.length; ) {
      const end = packedRecordEnd(packed, at);
      if (!isSoa(packed, at)) this.#chunks.addRecord(packed, at, end);
      at = end;
    }
  }

  end(): void {
    const isClosed = this.#chunks.close(soaOf(this.#zone));
    this.#chunks.end();
    if (!isClosed) this.#sink(closingSoa(this.#zone));
  }
}

/** The message that a version of several chunks ends with. */
export function closingSoa(zone: PublishedZone): Chunk {
  const renderer = new Renderer();
  renderer.record(...whole(soaOf(zone)));
  const message = renderer.end();
  renderer.giveBack();
  return new Chunk('', [message], 0);
}

/** The records of a version's first message, the SOA left out. */
export function recordsOf(message: RenderedMessage, zone: PublishedZone): Buffer {
  const packed = unpackMessage(message, Renderer.roomFor(zone.nameWire));
  const pieces: Buffer[] = [];
  for (let at = 0; at < packed.length; ) {
    const end = packedRecordEnd(packed, at);
    if (!isSoa(packed, at)) pieces.push(packed.subarray(at, end));
    at = end;
  }
  return Buffer.concat(pieces);
}

function firstOwner(packed: Buffer, start: number): string {
  return nameKey(packed.subarray(start, packedNameEnd(packed, start)));
}

function isSoa(packed: Buffer, start: number): boolean {
  return packed.readUInt16BE(packedNameEnd(packed, start)) === TYPE.SOA;
}

function soaOf(zone: PublishedZone): Buffer {
  return packRecords([{ name: zone.nameWire, type: TYPE.SOA, ttl: zone.soaTtl, rdata: zone.soa }]);
}

function whole(packed: Buffer): [Buffer, number, number] {
  return [packed, 0, packed.length];
}
