import { HEADER_LENGTH } from '../dns/message.ts';
import { MessageWriter } from '../dns/writer.ts';
import { packedRecordEnd, packRecords, type StoredRecord } from '../zone/version.ts';
import type { RenderedMessage } from './chunk.ts';
import { LARGEST_MESSAGE, MESSAGE_BYTES, MESSAGE_RESERVE } from './limits.ts';

/**
 * Renders packed records into one message after the other. Whoever has no more use for it gives it back, as its
 * tables are some ten thousand octets, too many to be made anew for each SOA.
 */
export class Renderer {
  #writer: MessageWriter | undefined = idleWriters.pop() ?? newWriter(MESSAGE_BYTES);
  #room = HEADER_LENGTH;

  /** @param zone its name, where the first message is to have room for a question about it */
  constructor(zone?: Buffer) {
    if (zone === undefined) return;
    this.#room = Renderer.roomFor(zone);
    this.#own.question(placeholder(zone));
  }

  /** Octets of header and question before the body of a first message. */
  static roomFor(zone: Buffer): number {
    return HEADER_LENGTH + zone.length + 4;
  }

  /** Octets of the message so far. */
  get length(): number {
    return this.#own.length;
  }

  /** Records in the message so far. */
  get answers(): number {
    return this.#own.recordCount;
  }

  /** Adds a record, from `start` to `end` of `packed`; false where the message has no room for it. */
  record(packed: Buffer, start: number, end: number): boolean {
    return this.#own.wireRecord(packed, start, end);
  }

  /** Takes the message back to what it was. */
  rewind(length: number, answers: number): void {
    this.#own.rewind(length, answers);
  }

  /** Ends the message and begins the next, which has no question. */
  end(): RenderedMessage {
    const message = finished(this.#own, this.#room);
    this.#own.reset();
    this.#room = HEADER_LENGTH;
    return message;
  }

  /**
   * A record in a longer message of its own, as it never spans messages (RFC 5936, 2.2). The message under way must
   * be empty.
   *
   * @throws Error where no message can hold it
   */
  alone(packed: Buffer, start: number, end: number): RenderedMessage {
    const writer = newWriter(LARGEST_MESSAGE);
    if (this.#room > HEADER_LENGTH) writer.question(Buffer.alloc(this.#room - HEADER_LENGTH));
    if (!writer.wireRecord(packed, start, end)) {
      throw new Error(`a record of ${end - start} octets fits in no message`);
    }
    const message = finished(writer, this.#room);
    this.#own.reset();
    this.#room = HEADER_LENGTH;
    return message;
  }

  giveBack(): void {
    if (idleWriters.length < IDLE_WRITERS) idleWriters.push(this.#own.reset());
    this.#writer = undefined;
  }

  get #own(): MessageWriter {
    if (this.#writer === undefined) throw new Error('the renderer was given back');
    return this.#writer;
  }
}

/** Packs records into as few messages as they fit in, in order (RFC 5936, 2.2). The first has room for a question. */
export class MessagePacker {
  readonly #renderer: Renderer;
  readonly #sink: (message: RenderedMessage) => void;

  constructor(zone: Buffer, sink: (message: RenderedMessage) => void) {
    this.#renderer = new Renderer(zone);
    this.#sink = sink;
  }

  /** @throws Error for a record that no message can hold */
  add(packed: Buffer): void {
    const renderer = this.#renderer;
    for (let at = 0; at < packed.length; ) {
      const end = packedRecordEnd(packed, at);
      if (!renderer.record(packed, at, end)) {
        if (renderer.answers > 0) this.#sink(renderer.end());
        if (!renderer.record(packed, at, end)) this.#sink(renderer.alone(packed, at, end));
      }
      at = end;
    }
  }

  /** Ends the last message. Nothing can be added afterwards. */
  end(): void {
    if (this.#renderer.answers > 0) this.#sink(this.#renderer.end());
    this.#renderer.giveBack();
  }
}

/** Renders a short list of records at once. */
export function renderRecords(zone: Buffer, records: readonly StoredRecord[]): RenderedMessage[] {
  const messages: RenderedMessage[] = [];
  const packer = new MessagePacker(zone, (message) => messages.push(message));
  packer.add(packRecords(records));
  packer.end();
  return messages;
}

const idleWriters: MessageWriter[] = [];
const IDLE_WRITERS = 4;

function newWriter(limit: number): MessageWriter {
  return new MessageWriter({ limit, reserve: MESSAGE_RESERVE, matchQuestion: false });
}

/** Any case and type will do: no name is compressed into the question. */
function placeholder(zone: Buffer): Buffer {
  return Buffer.concat([zone, Buffer.alloc(4)]);
}

function finished(writer: MessageWriter, room: number): RenderedMessage {
  const whole = writer.finish();
  // A buffer of its own size: the rest of a larger one would be kept along with it.
  const body = Buffer.allocUnsafeSlow(whole.length - room);
  whole.copy(body, 0, room);
  return { body, answers: writer.recordCount };
}
