/**
 * Which names, and which ends of names, a message holds already, and where: the memory of name compression
 * (RFC 1035, 4.1.4). A hash table over octets, without a string or object per label, since zones are rendered by the
 * million records.
 */

/** Labels of a name of 255 octets, at most. */
const MAX_LABELS = 128;
/** Pointers have fourteen bits. */
const POINTER_END = 0x4000;

export class SuffixTable {
  /** Zero: free. Else where the suffix stands (14 bits) and where its parent stands (14 bits above). */
  readonly #slots: Uint32Array;
  readonly #mask: number;
  /** The slots taken, in the order of their taking, for `forgetFrom`. */
  readonly #taken: Uint16Array;
  #takenCount = 0;

  // What the last `find` left for `learn`.
  readonly #labels = new Uint8Array(MAX_LABELS);
  readonly #hashes = new Int32Array(MAX_LABELS);
  #missing = 0;
  #parent = 0;
  readonly #found = { length: 0, pointer: 0 };

  /** `limit`: octets of the longest message. A suffix takes two octets of it at least, so the table never fills up. */
  constructor(limit: number) {
    const size = Math.min(POINTER_END, Math.max(64, 1 << (32 - Math.clz32(limit - 1))));
    this.#slots = new Uint32Array(size);
    this.#taken = new Uint16Array(size);
    this.#mask = size - 1;
  }

  /**
   * Looks for the longest end of a name (`start` to `end` of `wire`, root octet included) that the message has,
   * octet for octet. Gives how many octets stand before it and where it is; pointer 0: nowhere, only the root is left.
   * The object given is the same each time.
   */
  find(message: Buffer, wire: Buffer, start: number, end: number): { length: number; pointer: number } {
    const labels = this.#labels;
    let count = 0;
    for (let offset = start; offset < end - 1; offset += wire[offset]! + 1) labels[count++] = offset - start;
    let parent = 0;
    let hash = 0;
    let boundary = end - 1;
    let known = true;
    for (let index = count - 1; index >= 0; index--) {
      const offset = start + labels[index]!;
      hash = hashLabel(hash, wire, offset, boundary);
      if (known) {
        const at = this.#lookUp(hash, parent, message, wire, offset, boundary);
        if (at === 0) {
          known = false;
          this.#missing = index + 1;
        } else {
          parent = at;
          boundary = offset;
          continue;
        }
      }
      this.#hashes[index] = hash;
      boundary = offset;
    }
    if (known) this.#missing = 0;
    this.#parent = parent;
    this.#found.length = (this.#missing < count ? start + labels[this.#missing]! : end - 1) - start;
    this.#found.pointer = parent;
    return this.#found;
  }

  /** Remembers the labels that the last `find` did not know, now that the message has them from offset `at` on. */
  learn(at: number): void {
    let parent = this.#parent;
    for (let index = this.#missing - 1; index >= 0; index--) {
      const position = at + this.#labels[index]!;
      if (position >= POINTER_END) return;
      let slot = spread(this.#hashes[index]!) & this.#mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
      this.#slots[slot] = (parent << 14) | position;
      this.#taken[this.#takenCount++] = slot;
      parent = position;
    }
  }

  /** Forgets what stands at `offset` or behind it. Newest first, so that no chain of slots is ever cut. */
  forgetFrom(offset: number): void {
    while (this.#takenCount > 0) {
      const slot = this.#taken[this.#takenCount - 1]!;
      if ((this.#slots[slot]! & (POINTER_END - 1)) < offset) return;
      this.#slots[slot] = 0;
      this.#takenCount--;
    }
  }

  /** Where the label between `start` and `end` of `wire` stands before `parent`, or 0. */
  #lookUp(hash: number, parent: number, message: Buffer, wire: Buffer, start: number, end: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    for (let slot = spread(hash) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const entry = slots[slot]!;
      if (entry >>> 14 !== parent) continue;
      const at = entry & (POINTER_END - 1);
      let index = start;
      let position = at;
      while (index < end && message[position] === wire[index]) {
        index++;
        position++;
      }
      if (index === end) return at;
    }
    return 0;
  }
}

/** FNV-1a over a label and its length octet, going on from the hash of what stands behind it. */
function hashLabel(hash: number, wire: Buffer, start: number, end: number): number {
  let next = hash ^ 0x811c9dc5;
  for (let index = start; index < end; index++) next = Math.imul(next ^ wire[index]!, 0x01000193);
  return next;
}

/** Folds the upper bits into those that choose the slot. */
function spread(hash: number): number {
  return hash ^ (hash >>> 15) ^ (hash >>> 7);
}
