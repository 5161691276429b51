import { FormatError } from '../format-error.ts';
import { MAX_LABEL, MAX_NAME } from './limits.ts';

/** A name of 255 octets has 127 labels at most, and a pointer stands for one at least, or for the root. */
const MAX_POINTERS = 128;

/**
 * Reads a name from a message (RFC 1035, 4.1.4): pointers are followed strictly backwards, so that none can loop, and not more of
 * them than a name can have labels, so that no message costs more than its size.
 * Gives the uncompressed name, a copy, and the offset behind what stood at `offset`.
 *
 * @throws FormatError
 */
export function readName(message: Buffer, offset: number): { name: Buffer; next: number } {
  let length = 0;
  let position = offset;
  let segmentStart = offset;
  let next = -1;
  let pointers = 0;
  for (;;) {
    const octet = message[position];
    if (octet === undefined)
      throw new FormatError(`name at offset ${offset} runs past the end of the message`);
    if (octet === 0) break;
    if (octet <= MAX_LABEL) {
      if (length + octet + 2 > MAX_NAME) {
        throw new FormatError(`name at offset ${offset} is longer than ${MAX_NAME} octets`);
      }
      if (position + octet >= message.length) {
        throw new FormatError(`label at offset ${position} runs past the end of the message`);
      }
      const end = position + octet + 1;
      while (position < end) scratch[length++] = message[position++]!;
    } else if (octet >= 0xc0) {
      const low = message[position + 1];
      if (low === undefined) throw new FormatError(`compression pointer at offset ${position} is cut short`);
      const target = ((octet & 0x3f) << 8) | low;
      if (target >= segmentStart) {
        throw new FormatError(`compression pointer at offset ${position} does not point backwards`);
      }
      if (++pointers > MAX_POINTERS) {
        throw new FormatError(`name at offset ${offset} has more than ${MAX_POINTERS} compression pointers`);
      }
      if (next < 0) next = position + 2;
      position = target;
      segmentStart = target;
    } else {
      throw new FormatError(
        `label at offset ${position} has the unknown type 0x${(octet & 0xc0).toString(16)}`,
      );
    }
  }
  if (next < 0) next = position + 1;
  scratch[length++] = 0;
  const name = Buffer.allocUnsafe(length);
  scratch.copy(name, 0, 0, length);
  return { name, next };
}

/**
 * The offset behind an uncompressed name in stored rdata.
 *
 * @throws FormatError where the name is compressed, too long or not ended before `limit`
 */
export function endOfName(bytes: Buffer, offset: number, limit: number = bytes.length): number {
  let position = offset;
  for (;;) {
    if (position >= limit) throw new FormatError('a name runs past the end of its data');
    const octet = bytes[position]!;
    if (octet > MAX_LABEL) throw new FormatError('a name is compressed where compression is not allowed');
    position += octet + 1;
    if (position - offset > MAX_NAME) throw new FormatError(`a name is longer than ${MAX_NAME} octets`);
    if (octet === 0) return position;
  }
}

// The labels of one name are put together here and copied out once: names are read by the million.
const scratch = Buffer.alloc(MAX_NAME + 1);
