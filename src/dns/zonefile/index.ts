/** Zone files, also called master files (RFC 1035, 5), with ALIAS beside the standard types. */
import { formatName, isBelow } from '../name.ts';
import { ZoneFileError } from './error.ts';
import { type ZoneFileOptions, ZoneFileParser, type ZoneFileRecord } from './parser.ts';

export { MAX_TTL } from './columns.ts';
export { ZoneFileError } from './error.ts';
export type { ZoneFileOptions, ZoneFileRecord } from './parser.ts';
export { formatRecord, formatRecordLine, formatZoneFile, type PrintableRecord } from './printer.ts';

/**
 * The zone in a file. `origin` is the zone's name: the option where given, else the owner of the SOA record, else the
 * first $ORIGIN. Records are in the order of the file, their names all at or below it; duplicates are kept.
 *
 * @throws ZoneFileError `file:line: what was wrong, what was expected`
 * @throws NameError where the option `origin` is no name
 */
export function parseZoneFile(
  text: string,
  options: ZoneFileOptions = {},
): { origin: Buffer; records: ZoneFileRecord[] } {
  const parser = new ZoneFileParser(text, options);
  const records = [...parser.records()];
  const origin = parser.statedOrigin ?? parser.soaOwner ?? parser.firstOrigin;
  if (origin === undefined) {
    throw new ZoneFileError(
      parser.file,
      0,
      'nothing names the zone: a SOA record, a line $ORIGIN or the option for the origin is expected',
    );
  }
  for (const record of records) {
    if (!isBelow(record.name, origin)) {
      throw new ZoneFileError(
        parser.file,
        record.line,
        `${formatName(record.name)} lies outside the zone: a name at or below ${formatName(origin)} is expected`,
      );
    }
  }
  return { origin, records };
}

/**
 * The records of a file one by one, for who doesn't want to hold them all. Whether a name lies in the zone is for the
 * caller to say, as the zone's name may come last.
 *
 * @throws ZoneFileError, NameError as `parseZoneFile`
 */
export function readZoneFile(text: string, options: ZoneFileOptions = {}): Iterable<ZoneFileRecord> {
  return new ZoneFileParser(text, options).records();
}
