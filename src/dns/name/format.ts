import { lowerCase } from './compare.ts';
import { MAX_NAME } from './limits.ts';

/** Wire to presentation: case kept, final dot, one spelling of every escape. */
export function formatName(wire: Buffer): string {
  return writeText(wire, keepCase);
}

/** The canonical text of a name, one for all its spellings: as `formatName`, with ASCII letters in lower case. */
export function nameKey(wire: Buffer): string {
  return writeText(wire, lowerCase);
}

const BACKSLASH = 0x5c;
const DOT = 0x2e;

// 0: as itself, 1: behind a backslash, 2: as \DDD.
const escaping = new Uint8Array(256).fill(2);
for (let code = 0x21; code < 0x7f; code++) {
  escaping[code] = '.\\";()@$'.includes(String.fromCharCode(code)) ? 1 : 0;
}

const keepCase = new Uint8Array(256).map((_, octet) => octet);

// A name of 255 octets that are all written as \DDD.
const textScratch = Buffer.alloc(4 * MAX_NAME + 8);

function writeText(wire: Buffer, letters: Uint8Array): string {
  if (wire.length === 1) return '.';
  let end = 0;
  let position = 0;
  for (;;) {
    const length = wire[position++]!;
    if (length === 0 || position + length > wire.length) break;
    for (const stop = position + length; position < stop; position++) {
      const octet = wire[position]!;
      const how = escaping[octet]!;
      if (how === 0) {
        textScratch[end++] = letters[octet]!;
        continue;
      }
      textScratch[end++] = BACKSLASH;
      if (how === 1) {
        textScratch[end++] = octet;
      } else {
        textScratch[end++] = 48 + Math.floor(octet / 100);
        textScratch[end++] = 48 + (Math.floor(octet / 10) % 10);
        textScratch[end++] = 48 + (octet % 10);
      }
    }
    textScratch[end++] = DOT;
  }
  return textScratch.toString('latin1', 0, end);
}
