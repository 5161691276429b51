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
  /** By what the change that made it is followed, 32 hex digits; undefined where that is not known. */
  readonly change: string | undefined;
}

/** A record as secondaries get it; its rdata is uncompressed. */
export interface StoredRecord {
  readonly name: Buffer;
  readonly type: number;
  readonly ttl: number;
  readonly rdata: Buffer;
}

/**
 * One published change: the two SOAs stand beside the records, not among them (RFC 1995, section 4). The records are packed, so that a
 * long history is a few buffers.
 */
export interface JournalStep {
  readonly fromSerial: number;
  readonly toSerial: number;
  readonly oldSoa: Buffer;
  readonly oldSoaTtl: number;
  readonly newSoa: Buffer;
  readonly newSoaTtl: number;
  readonly deleted: Buffer;
  readonly added: Buffer;
}

/** `unpublished`: the zone is known, but has no version that can be served, or has expired. */
export type CurrentZone =
  | { readonly kind: 'zone'; readonly zone: PublishedZone }
  | { readonly kind: 'unpublished' }
  | { readonly kind: 'unknown' };

/**
 * One version of a zone, streamed in owner order as batches of packed records. A SOA among them is passed over: it is
 * in `zone`. What it holds in the store is freed when `batches` comes to its end, or its iterator is told to `return`
 * after a first batch; whoever opens a version takes at least one.
 */
export interface OpenVersion {
  readonly zone: PublishedZone;
  readonly batches: AsyncIterable<Buffer>;
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
  for (let at = 0; at < packed.length; ) {
    const fixed = packedNameEnd(packed, at);
    const end = packedRecordEnd(packed, at);
    records.push({
      name: packed.subarray(at, fixed),
      type: packed.readUInt16BE(fixed),
      ttl: packed.readUInt32BE(fixed + 4),
      rdata: packed.subarray(fixed + FIXED, end),
    });
    at = end;
  }
  return records;
}

/** Where the owner's name ends of the packed record that begins at `at`. */
export function packedNameEnd(packed: Buffer, at: number): number {
  let end = at;
  for (let length = packed[end]!; length !== 0; length = packed[end]!) {
    end += length + 1;
    if (end >= packed.length) throw new RangeError('a packed record is cut short');
  }
  return end + 1;
}

/** Where the packed record ends that begins at `at`. */
export function packedRecordEnd(packed: Buffer, at: number): number {
  const fixed = packedNameEnd(packed, at);
  const end = fixed + FIXED + packed.readUInt16BE(fixed + 8);
  if (end > packed.length) throw new RangeError('a packed record is cut short');
  return end;
}
