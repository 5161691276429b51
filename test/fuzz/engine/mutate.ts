/** Random numbers that a seed repeats (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * limit);
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }
}

const NUMBERS = [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff];

/** A child of `parent`, and sometimes of `other` as well, no longer than `longest` octets. */
export function mutate(
  dice: Dice,
  parent: Buffer,
  other: Buffer,
  dictionary: readonly Buffer[],
  longest: number,
): Buffer {
  let child: Buffer = Buffer.from(parent);
  for (let count = 1 + dice.below(4); count > 0; count--) child = once(dice, child, other, dictionary);
  return child.subarray(0, longest);
}

function once(dice: Dice, bytes: Buffer, other: Buffer, dictionary: readonly Buffer[]): Buffer {
  const at = dice.below(bytes.length + 1);
  const end = at + dice.below(Math.min(bytes.length - at, 64) + 1);
  const splice = (from: number, to: number, put: Buffer) =>
    Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(to)]);
  switch (dice.below(10)) {
    case 0:
      return splice(at, end, Buffer.alloc(0));
    case 1:
      return splice(at, at, bytes.subarray(at, end));
    case 2: {
      const from = dice.below(other.length + 1);
      return splice(at, end, other.subarray(from, from + dice.below(64)));
    }
    case 3:
      return splice(at, at, Buffer.from(Array.from({ length: 1 + dice.below(8) }, () => dice.below(256))));
    case 4:
      return changed(bytes, at, (octet) => octet ^ (1 << dice.below(8)));
    case 5:
      return changed(bytes, at, () => dice.of(NUMBERS));
    case 6:
      return changed(bytes, at, (octet) => octet + dice.below(7) - 3);
    case 7:
      return splice(at, at, Buffer.concat(Array<Buffer>(2 + dice.below(30)).fill(bytes.subarray(at, end))));
    default: {
      if (dictionary.length === 0) return changed(bytes, at, () => dice.below(256));
      const word = dice.of(dictionary);
      return splice(at, dice.below(2) === 0 ? at : Math.min(at + word.length, bytes.length), word);
    }
  }
}

function changed(bytes: Buffer, at: number, change: (octet: number) => number): Buffer {
  if (at < bytes.length) bytes[at] = change(bytes[at]!) & 0xff;
  return bytes;
}
