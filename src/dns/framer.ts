/** DNS over TCP: each message stands behind its length in two octets (RFC 1035, 4.2.2; RFC 7766, 8). */
import { FormatError } from './format-error.ts';

/** Octets of a message header: no message is shorter (RFC 1035, 4.1.1). */
const SHORTEST_MESSAGE = 12;
/** Octets of the longest message that the length prefix can announce. */
export const LONGEST_MESSAGE = 65_535;

/**
 * Takes the segments of one connection, cut anywhere, and gives back whole messages in order. What is held between
 * two calls is never more than about twice what the peer has sent of an unfinished message, whatever it announced.
 */
export class FrameReader {
  #held = EMPTY;
  #heldLength = 0;
  #failure: FormatError | undefined;

  /**
   * Gives the messages that `chunk` completes, without their prefixes. A message that lies whole in `chunk` is a view
   * of it, not a copy.
   *
   * @throws FormatError at a length that no message can have; the connection is to be closed, every later call throws
   */
  push(chunk: Buffer): Buffer[] {
    if (this.#failure !== undefined) throw this.#failure;
    const messages: Buffer[] = [];
    let rest = chunk;
    while (this.#heldLength > 0 && rest.length > 0) rest = this.#complete(rest, messages);
    let offset = 0;
    while (rest.length - offset >= 2) {
      const end = offset + 2 + this.#checked(rest.readUInt16BE(offset));
      if (end > rest.length) break;
      messages.push(rest.subarray(offset + 2, end));
      offset = end;
    }
    if (offset < rest.length) this.#hold(rest.subarray(offset));
    return messages;
  }

  /** Whether the connection stands in the middle of a message: ended now, it was cut. */
  get midFrame(): boolean {
    return this.#heldLength > 0;
  }

  /** Adds to the frame begun earlier what belongs to it, and gives what is left of `chunk`. */
  #complete(chunk: Buffer, messages: Buffer[]): Buffer {
    if (this.#heldLength === 1) {
      this.#hold(chunk.subarray(0, 1));
      this.#checked(this.#held.readUInt16BE(0));
      return chunk.subarray(1);
    }
    const frameLength = 2 + this.#held.readUInt16BE(0);
    const wanted = Math.min(frameLength - this.#heldLength, chunk.length);
    this.#hold(chunk.subarray(0, wanted));
    if (this.#heldLength === frameLength) {
      messages.push(this.#held.subarray(2, frameLength));
      this.#held = EMPTY;
      this.#heldLength = 0;
    }
    return chunk.subarray(wanted);
  }

  /** Keeps bytes of an unfinished frame; doubling the room keeps one-byte segments from costing a copy each. */
  #hold(bytes: Buffer): void {
    const needed = this.#heldLength + bytes.length;
    if (needed > this.#held.length) {
      const larger = Buffer.allocUnsafe(
        Math.max(needed, Math.min(2 * this.#held.length, LONGEST_MESSAGE + 2)),
      );
      this.#held.copy(larger, 0, 0, this.#heldLength);
      this.#held = larger;
    }
    bytes.copy(this.#held, this.#heldLength);
    this.#heldLength = needed;
  }

  #checked(length: number): number {
    if (length >= SHORTEST_MESSAGE) return length;
    this.#failure = new FormatError(
      `a TCP frame announces ${length} octets: a DNS message has ${SHORTEST_MESSAGE} at least`,
    );
    throw this.#failure;
  }
}

/** The message behind its length prefix, in one buffer so that both leave in one write (RFC 7766, 8). */
export function frame(message: Buffer): Buffer {
  if (message.length > LONGEST_MESSAGE) {
    throw new RangeError(`a message of ${message.length} octets does not fit a TCP frame`);
  }
  const framed = Buffer.allocUnsafe(2 + message.length);
  framed.writeUInt16BE(message.length, 0);
  message.copy(framed, 2);
  return framed;
}

const EMPTY = Buffer.alloc(0);
