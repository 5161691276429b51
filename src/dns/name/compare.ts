/** A copy with ASCII letters in lower case: the form in which names are equal byte for byte (RFC 4034, 6.2). */
export function canonicalName(wire: Buffer): Buffer {
  // Length octets are at most 63, so that they can be folded along: none of them is an upper case letter's code
  // (65 to 90) within a well-formed name.
  const lower = Buffer.allocUnsafe(wire.length);
  for (let index = 0; index < wire.length; index++) lower[index] = lowerCase[wire[index]!]!;
  return lower;
}

/** Whether two names are the same, ASCII case apart (RFC 4343). */
export function equalNames(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && equalTail(a, 0, b);
}

/** Whether `name` is `zone` or lies below it. */
export function isBelow(name: Buffer, zone: Buffer): boolean {
  let offset = 0;
  while (name.length - offset > zone.length) offset += name[offset]! + 1;
  return name.length - offset === zone.length && equalTail(name, offset, zone);
}

/** The number of labels, the root's not counted: 0 for `.`, 2 for `example.com.`. */
export function labelCount(wire: Buffer): number {
  let count = 0;
  for (let offset = 0; wire[offset]! > 0; offset += wire[offset]! + 1) count++;
  return count;
}

/** The name without its first label: a view of the same bytes. The root's parent is the root. */
export function parentName(wire: Buffer): Buffer {
  return wire[0] === 0 ? wire : wire.subarray(wire[0]! + 1);
}

/** Each octet, ASCII letters in lower case. */
export const lowerCase = new Uint8Array(256).map((_, octet) =>
  octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet,
);

function equalTail(a: Buffer, offset: number, b: Buffer): boolean {
  for (let index = 0; index < b.length; index++) {
    const left = a[offset + index]!;
    const right = b[index]!;
    if (left !== right && lowerCase[left] !== lowerCase[right]) return false;
  }
  return true;
}
