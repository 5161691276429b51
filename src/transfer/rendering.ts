import { HEADER_LENGTH } from '../dns/message.ts';
import { CLASS_IN } from '../dns/types.ts';
import { MessageWriter } from '../dns/writer.ts';
import { LARGEST_MESSAGE, MESSAGE_BYTES, MESSAGE_RESERVE } from './limits.ts';
import type { StoredRecord } from './source.ts';

/**
 * The records of one message, ready for the wire, without header and question: these are written afresh for each
 * transfer and stand before the same bytes. The first message of a stream has room for a question (RFC 5936, 2.2.2),
 * the others come without; the compression pointers count on both.
 */
export interface RenderedMessage {
  readonly body: Buffer;
  readonly answers: number;
}

/** Packs records into as few messages as they fit in, in order (RFC 5936, 2.2). */
export class MessagePacker {
  readonly #placeholder: Buffer;
  readonly #sink: (message: RenderedMessage) => void;
  #writer = idleWriters.pop() ?? newWriter(MESSAGE_BYTES);
  #bodyStart: number;

  /** @param zone the name of the zone, which makes the length of the question */
  constructor(zone: Buffer, sink: (message: RenderedMessage) => void) {
    // Any case and type will do: no name is compressed into the question.
    this.#placeholder = Buffer.concat([zone, Buffer.alloc(4)]);
    this.#sink = sink;
    this.#bodyStart = HEADER_LENGTH + this.#placeholder.length;
    this.#writer.question(this.#placeholder);
  }

  /** @throws Error for a record that no message can hold */
  add(record: StoredRecord): void {
    if (writeTo(this.#writer, record)) return;
    if (this.#writer.recordCount > 0) {
      this.#endMessage(this.#writer);
      if (writeTo(this.#writer, record)) return;
    }
    this.#addAlone(record);
  }

  /** Ends the last message. Nothing can be added afterwards. */
  end(): void {
    if (this.#writer.recordCount > 0) this.#endMessage(this.#writer);
    if (idleWriters.length < IDLE_WRITERS) idleWriters.push(this.#writer.reset());
  }

  /** RFC 5936, 2.2: a record never spans messages, so one that is too long gets a longer message to itself. */
  #addAlone(record: StoredRecord): void {
    const writer = newWriter(LARGEST_MESSAGE);
    if (this.#bodyStart > HEADER_LENGTH) writer.question(this.#placeholder);
    if (!writeTo(writer, record)) {
      throw new Error(`a record with ${record.rdata.length} octets of rdata fits in no message`);
    }
    this.#endMessage(writer);
  }

  #endMessage(writer: MessageWriter): void {
    const whole = writer.finish();
    // A buffer of its own size: the rest of this one would be kept along with it.
    const body = Buffer.allocUnsafeSlow(whole.length - this.#bodyStart);
    whole.copy(body, 0, this.#bodyStart);
    const answers = writer.recordCount;
    this.#bodyStart = HEADER_LENGTH;
    this.#writer.reset();
    this.#sink({ body, answers });
  }
}

/** Renders a short list of records at once. */
export function renderRecords(zone: Buffer, records: Iterable<StoredRecord>): RenderedMessage[] {
  const messages: RenderedMessage[] = [];
  const packer = new MessagePacker(zone, (message) => messages.push(message));
  for (const record of records) packer.add(record);
  packer.end();
  return messages;
}

// A writer has tables of some ten thousand octets, too many to be made anew for each SOA.
const idleWriters: MessageWriter[] = [];
const IDLE_WRITERS = 4;

function newWriter(limit: number): MessageWriter {
  return new MessageWriter({ limit, reserve: MESSAGE_RESERVE, matchQuestion: false });
}

function writeTo(writer: MessageWriter, { name, type, ttl, rdata }: StoredRecord): boolean {
  return writer.record(name, type, CLASS_IN, ttl, rdata);
}
