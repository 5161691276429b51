import { readName } from '../dns/name.ts';
import { readRdata } from '../dns/rdata/index.ts';
import { CLASS_IN } from '../dns/types.ts';
import { packRecords, type StoredRecord } from '../zone/version.ts';

/**
 * The records of one message, ready for the wire, without header and question: these are written afresh for each
 * transfer and stand before the same octets. The first message of a stream has room for a question (RFC 5936, 2.2.2),
 * the others come without; the compression pointers count on both.
 */
export interface RenderedMessage {
  readonly body: Buffer;
  readonly answers: number;
}

/**
 * A part of a version that is the same in the next one where nothing in it changed: one message, or several where a
 * single owner needs more. It has all records of the owners from its first one up to the next part's.
 */
export class Chunk {
  /** The canonical text of its first owner; empty for a part that begins the stream, or closes it. */
  readonly firstOwner: string;
  readonly messages: readonly RenderedMessage[];
  /** Octets of all messages. */
  readonly bytes: number;
  /** Octets of its records without any compression, SOA left out. */
  readonly contentBytes: number;
  /** How many versions have it; for whoever adds up memory. */
  holders = 0;

  constructor(firstOwner: string, messages: readonly RenderedMessage[], contentBytes: number) {
    this.firstOwner = firstOwner;
    this.messages = messages;
    this.bytes = messages.reduce((sum, message) => sum + message.body.length, 0);
    this.contentBytes = contentBytes;
  }
}

/**
 * The records of a rendered message, packed one behind the other.
 *
 * @param room octets of header and question that stood before the body when it was rendered
 */
export function unpackMessage({ body, answers }: RenderedMessage, room: number): Buffer {
  const message = Buffer.concat([Buffer.alloc(room), body]);
  const records: StoredRecord[] = [];
  let offset = room;
  for (let index = 0; index < answers; index++) {
    const { name, next } = readName(message, offset);
    const type = message.readUInt16BE(next);
    const ttl = message.readUInt32BE(next + 4);
    const length = message.readUInt16BE(next + 8);
    if (message.readUInt16BE(next + 2) !== CLASS_IN) throw new Error('a rendered record is not of class IN');
    records.push({ name, type, ttl, rdata: readRdata(type, message, next + 10, length) });
    offset = next + 10 + length;
  }
  return packRecords(records);
}
