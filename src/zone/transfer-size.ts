import { withSerial } from '../dns/rdata/index.ts';
import { nextSerial } from '../dns/serial.ts';
import { TYPE } from '../dns/types.ts';
import { MessageWriter } from '../dns/writer.ts';
import type { StoredRecord } from './version.ts';

const MESSAGE = 65_535;

/** The published version of a zone that is to change. */
export interface ChangingZone {
  /** Wire form. */
  name: Buffer;
  serial: number;
  /** The rdata of its SOA. */
  soa: Buffer;
  soaTtl: number;
}

/** Its tables are large, and there may be a hundred thousand zones. */
let writer: MessageWriter | undefined;

/** Octets of the messages of an IXFR that brings this change (RFC 1995, section 4), unsigned, without EDNS. */
export function incrementalSize(
  zone: ChangingZone,
  deleted: Iterable<StoredRecord>,
  added: Iterable<StoredRecord>,
): number {
  const soaOf = (serial: number) => ({
    name: zone.name,
    type: TYPE.SOA,
    ttl: zone.soaTtl,
    rdata: withSerial(zone.soa, serial),
  });
  const before = soaOf(zone.serial);
  const after = soaOf(nextSerial(zone.serial));
  writer ??= new MessageWriter({ limit: MESSAGE, matchQuestion: false });
  writer.reset().question(Buffer.concat([zone.name, Buffer.from([0, TYPE.IXFR, 0, 1])]));
  let octets = 0;
  for (const record of [after, before, ...deleted, after, ...added, after]) {
    const { name, type, ttl, rdata } = record;
    if (writer.record(name, type, 1, ttl, rdata)) continue;
    octets += writer.length;
    writer.reset();
    writer.record(name, type, 1, ttl, rdata);
  }
  return octets + writer.length;
}
