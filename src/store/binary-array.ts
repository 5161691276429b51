/** Element types of `binaryArray`, by PostgreSQL's numbers for them. */
const TYPES = { text: 25, jsonb: 3802 } as const;
/** jsonb in binary form begins with its version. */
const JSONB_VERSION = 1;

/**
 * A one-dimensional array in PostgreSQL's binary form, as the value of a parameter: large elements need no escapes on this side and no
 * parsing on the other.
 */
export function binaryArray(type: keyof typeof TYPES, elements: readonly string[]): Buffer {
  const prefix = type === 'jsonb' ? 1 : 0;
  const lengths = elements.map((element) => Buffer.byteLength(element));
  const octets = lengths.reduce((sum, length) => sum + 4 + prefix + length, HEAD);
  const bytes = Buffer.allocUnsafe(octets);
  // dimensions, no nulls, the elements' type, how many, and the number of the first
  let at = bytes.writeInt32BE(1, 0);
  at = bytes.writeInt32BE(0, at);
  at = bytes.writeInt32BE(TYPES[type], at);
  at = bytes.writeInt32BE(elements.length, at);
  at = bytes.writeInt32BE(1, at);
  for (let index = 0; index < elements.length; index++) {
    at = bytes.writeInt32BE(prefix + lengths[index]!, at);
    if (prefix > 0) at = bytes.writeUInt8(JSONB_VERSION, at);
    at += bytes.write(elements[index]!, at);
  }
  return bytes;
}

const HEAD = 20;
