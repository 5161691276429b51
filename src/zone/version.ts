/** The published version of a zone, without its records. */
export interface PublishedZone {
  readonly zoneId: string;
  /** The canonical text of its name. */
  readonly name: string;
  readonly nameWire: Buffer;
  readonly serial: number;
  /** The rdata of the published SOA. */
  readonly soa: Buffer;
  readonly soaTtl: number;
  /** Seconds, as in the SOA. */
  readonly expire: number;
}

/** A record as secondaries get it; its rdata is uncompressed. */
export interface StoredRecord {
  readonly name: Buffer;
  readonly type: number;
  readonly ttl: number;
  readonly rdata: Buffer;
}

/** One published change: the two SOAs stand beside the lists, not in them (RFC 1995, section 4). */
export interface JournalStep {
  readonly fromSerial: number;
  readonly toSerial: number;
  readonly oldSoa: Buffer;
  readonly oldSoaTtl: number;
  readonly newSoa: Buffer;
  readonly newSoaTtl: number;
  readonly deleted: readonly StoredRecord[];
  readonly added: readonly StoredRecord[];
}

const FIXED = 10; // type, class, TTL and RDLENGTH

/** Records in wire form without compression, one after another: the form in which the journal keeps them. */
export function packRecords(records: readonly StoredRecord[]): Buffer {
  const size = records.reduce((sum, record) => sum + record.name.length + FIXED + record.rdata.length, 0);
  const packed = Buffer.allocUnsafe(size);
  let at = 0;
  for (const { name, type, ttl, rdata } of records) {
    at += name.copy(packed, at);
    at = packed.writeUInt16BE(type, at);
    at = packed.writeUInt16BE(1, at);
    at = packed.writeUInt32BE(ttl, at);
    at = packed.writeUInt16BE(rdata.length, at);
    at += rdata.copy(packed, at);
  }
  return packed;
}

/** The other way round; the records share the memory of `packed`. */
export function unpackRecords(packed: Buffer): StoredRecord[] {
  const records: StoredRecord[] = [];
  let at = 0;
  while (at < packed.length) {
    const start = at;
    while (packed[at] !== 0) at += (packed[at] ?? 0) + 1;
    const name = packed.subarray(start, ++at);
    const end = at + FIXED + packed.readUInt16BE(at + 8);
    records.push({
      name,
      type: packed.readUInt16BE(at),
      ttl: packed.readUInt32BE(at + 4),
      rdata: packed.subarray(at + FIXED, end),
    });
    at = end;
  }
  return records;
}
