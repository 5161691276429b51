/** IP addresses between text and octets. Only full, unambiguous spellings are taken: no `10.1`, no `010.0.0.1`. */

/** Four octets, or undefined. The result is used again by the next call. */
export function parseIpv4(text: string): Uint8Array | undefined {
  let value = -1;
  let count = 0;
  for (let index = 0; index <= text.length; index++) {
    const code = index < text.length ? text.charCodeAt(index) : DOT;
    if (code >= 48 && code <= 57) {
      if (value === 0) return undefined;
      value = Math.max(value, 0) * 10 + (code - 48);
      if (value > 255) return undefined;
    } else if (code === DOT) {
      if (value < 0 || count === 4) return undefined;
      four[count++] = value;
      value = -1;
    } else {
      return undefined;
    }
  }
  return count === 4 ? four : undefined;
}

/** Sixteen octets, or undefined (RFC 4291, 2.2; no zone index). The result is used again by the next call. */
export function parseIpv6(text: string): Uint8Array | undefined {
  sixteen.fill(0);
  let group = 0;
  let gapAt = -1;
  let index = 0;
  if (text.startsWith('::')) {
    gapAt = 0;
    index = 2;
    if (text.length === 2) return sixteen;
  }
  for (;;) {
    const start = index;
    let value = 0;
    for (; index < text.length; index++) {
      const digit = hexDigit(text.charCodeAt(index));
      if (digit < 0) break;
      value = value * 16 + digit;
      if (index - start === 4) return undefined;
    }
    if (index === start || group === 8) return undefined;
    if (text.charCodeAt(index) === DOT) {
      const tail = parseIpv4(text.slice(start));
      if (tail === undefined || group > 6) return undefined;
      sixteen.set(tail, group * 2);
      group += 2;
      break;
    }
    sixteen[group * 2] = value >> 8;
    sixteen[group * 2 + 1] = value;
    group++;
    if (index === text.length) break;
    if (text.charCodeAt(index++) !== COLON) return undefined;
    if (text.charCodeAt(index) === COLON) {
      if (gapAt >= 0) return undefined;
      gapAt = group;
      if (++index === text.length) break;
    }
  }
  if (gapAt < 0) return group === 8 ? sixteen : undefined;
  if (group === 8) return undefined;
  sixteen.copyWithin(16 - (group - gapAt) * 2, gapAt * 2, group * 2);
  sixteen.fill(0, gapAt * 2, 16 - (group - gapAt) * 2);
  return sixteen;
}

/** Dotted decimal. */
export function formatIpv4(bytes: Uint8Array, offset = 0): string {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

/** The one text that RFC 5952 recommends: lower case, the first of the longest runs of zeros left out. */
export function formatIpv6(bytes: Uint8Array, offset = 0): string {
  let longestAt = -1;
  let longest = 1;
  for (let group = 0; group < 8; group++) {
    let run = 0;
    while (group + run < 8 && groupAt(bytes, offset, group + run) === 0) run++;
    if (run > longest) {
      longest = run;
      longestAt = group;
    }
    group += run;
  }
  if (isMapped(bytes, offset)) return `::ffff:${formatIpv4(bytes, offset + 12)}`;
  let text = '';
  for (let group = 0; group < 8; group++) {
    if (group === longestAt) {
      text += '::';
      group += longest - 1;
      continue;
    }
    if (text !== '' && !text.endsWith(':')) text += ':';
    text += groupAt(bytes, offset, group).toString(16);
  }
  return text;
}

const DOT = 0x2e;
const COLON = 0x3a;
const four = new Uint8Array(4);
const sixteen = new Uint8Array(16);

function groupAt(bytes: Uint8Array, offset: number, group: number): number {
  return (bytes[offset + group * 2]! << 8) | bytes[offset + group * 2 + 1]!;
}

function isMapped(bytes: Uint8Array, offset: number): boolean {
  for (let group = 0; group < 5; group++) if (groupAt(bytes, offset, group) !== 0) return false;
  return groupAt(bytes, offset, 5) === 0xffff;
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
