import { randomFillSync } from 'node:crypto';

/** Random octets are drawn in bulk: a draw for each question would cost more than the question. */
const pool = Buffer.allocUnsafe(8_192);
let taken = pool.length;

/** A number of 16 bits that nobody can foresee. */
export function randomId(): number {
  const at = draw(2);
  return pool.readUInt16BE(at);
}

/**
 * Gives each letter of a name of so many octets in a message a random case: up to one bit a letter that a forger has to guess
 * (draft-vixie-dnsext-dns0x20).
 */
export function randomiseCase(message: Buffer, at: number, length: number): void {
  const coins = draw(length);
  let labelEnd = 0;
  for (let index = 0; index < length; index++) {
    const octet = message[at + index]!;
    if (index === labelEnd) {
      labelEnd += octet + 1;
      continue;
    }
    const lower = octet | 0x20;
    if (lower >= 0x61 && lower <= 0x7a && (pool[coins + index]! & 1) === 1)
      message[at + index] = octet ^ 0x20;
  }
}

/** Where in the pool so many octets lie that nobody else gets. */
function draw(count: number): number {
  if (taken + count > pool.length) {
    randomFillSync(pool);
    taken = 0;
  }
  const at = taken;
  taken += count;
  return at;
}
