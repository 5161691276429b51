import { formatName } from '../name.ts';
import { formatRdata } from '../rdata/index.ts';
import { typeToText } from '../types.ts';

/** What a line of a zone file is made of. The rdata of an ALIAS is the name of its target. */
export interface PrintableRecord {
  readonly name: Buffer;
  readonly type: 'ALIAS' | number;
  /** Seconds. */
  readonly ttl: number;
  readonly rdata: Buffer;
}

/** Records as a zone file that needs no $ORIGIN and no $TTL: one absolute record a line, in the order given. */
export function formatZoneFile(records: Iterable<PrintableRecord>): string {
  const lines: string[] = [];
  for (const record of records) lines.push(formatRecord(record));
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** One record as a line, without the end of the line. */
export function formatRecord({ name, type, ttl, rdata }: PrintableRecord): string {
  return type === 'ALIAS'
    ? formatRecordLine(formatName(name), ttl, type, formatName(rdata))
    : formatRecordLine(formatName(name), ttl, typeToText(type), formatRdata(type, rdata));
}

/** One record as a line from texts that are in presentation format already. */
export function formatRecordLine(name: string, ttl: number, typeText: string, rdataText: string): string {
  return `${name} ${ttl} IN ${typeText} ${rdataText}`;
}
