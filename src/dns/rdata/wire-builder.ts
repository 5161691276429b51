import { RdataError } from './error.ts';

/** Octets of one rdata, at most: its length field has 16 bits (RFC 1035, 3.2.1). */
export const MAX_RDATA = 65535;

/** Collects the bytes of one rdata. One is used for all, as records are parsed by the million. */
export class WireBuilder {
  #bytes: Buffer = Buffer.alloc(512);
  length = 0;

  start(): void {
    this.length = 0;
  }

  uint8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.length++] = value;
  }

  uint16(value: number): void {
    this.#reserve(2);
    this.#bytes[this.length++] = value >>> 8;
    this.#bytes[this.length++] = value;
  }

  uint32(value: number): void {
    this.#reserve(4);
    this.#bytes.writeUInt32BE(value, this.length);
    this.length += 4;
  }

  octets(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Replaces one octet that was written before: a length that is known only now. */
  patchUint8(offset: number, value: number): void {
    this.#bytes[offset] = value;
  }

  finish(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.length));
  }

  #reserve(count: number): void {
    const wanted = this.length + count;
    if (wanted <= this.#bytes.length) return;
    if (wanted > MAX_RDATA)
      throw new RdataError(`the data is over ${MAX_RDATA} octets: no record may hold more`);
    const larger = Buffer.alloc(Math.max(wanted, Math.min(MAX_RDATA, this.#bytes.length * 4)));
    larger.set(this.#bytes.subarray(0, this.length));
    this.#bytes = larger;
  }
}
