/** The data of a SOA record in its parts (RFC 1035, 3.3.13). */
import { FormatError } from '../format-error.ts';
import { endOfName } from '../name.ts';

/** Names in wire form; times in seconds; all numbers unsigned 32-bit. */
export interface SoaFields {
  readonly mname: Buffer;
  readonly rname: Buffer;
  readonly serial: number;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  readonly minimum: number;
}

/** The rdata of these parts. */
export function encodeSoa(soa: SoaFields): Buffer {
  const rdata = Buffer.alloc(soa.mname.length + soa.rname.length + NUMBERS);
  soa.mname.copy(rdata);
  soa.rname.copy(rdata, soa.mname.length);
  let offset = rdata.length - NUMBERS;
  for (const value of [soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum]) {
    offset = rdata.writeUInt32BE(value, offset);
  }
  return rdata;
}

/** The parts of an uncompressed SOA rdata. Throws FormatError where it is none. */
export function decodeSoa(rdata: Buffer): SoaFields {
  const mnameEnd = endOfName(rdata, 0);
  const rnameEnd = endOfName(rdata, mnameEnd);
  if (rdata.length !== rnameEnd + NUMBERS) {
    throw new FormatError(`SOA data of ${rdata.length} octets: ${rnameEnd + NUMBERS} are expected`);
  }
  return {
    mname: rdata.subarray(0, mnameEnd),
    rname: rdata.subarray(mnameEnd, rnameEnd),
    serial: rdata.readUInt32BE(rnameEnd),
    refresh: rdata.readUInt32BE(rnameEnd + 4),
    retry: rdata.readUInt32BE(rnameEnd + 8),
    expire: rdata.readUInt32BE(rnameEnd + 12),
    minimum: rdata.readUInt32BE(rnameEnd + 16),
  };
}

/** The serial of an uncompressed SOA rdata: it stands at a fixed distance from the end. */
export function soaSerial(rdata: Buffer): number {
  return rdata.readUInt32BE(rdata.length - NUMBERS);
}

/** A copy of an uncompressed SOA rdata with another serial. */
export function withSerial(rdata: Buffer, serial: number): Buffer {
  const copy = Buffer.from(rdata);
  copy.writeUInt32BE(serial, copy.length - NUMBERS);
  return copy;
}

// Octets of the five numbers that end the data.
const NUMBERS = 20;
