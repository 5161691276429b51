// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${…} is the notation of $GENERATE
import { isAliasRdata } from '../../../src/cli/zone-import/axfr.ts';
import { optionsByLine } from '../../../src/cli/zone-import/file.ts';
import { ImportReader } from '../../../src/cli/zone-import/reader.ts';
import { formatName, NameError } from '../../../src/dns/name.ts';
import { RdataError } from '../../../src/dns/rdata/index.ts';
import { formatZoneFile, parseZoneFile, ZoneFileError } from '../../../src/dns/zonefile/index.ts';
import { ZoneFileParser } from '../../../src/dns/zonefile/parser.ts';
import { UserError } from '../../../src/errors.ts';
import { everyType } from '../../dns/rdata.examples.ts';
import { sameRdata } from './data.ts';
import { holds, type Target, unless } from './target.ts';

const dictionary = [
  ...everyType.map(([type, text]) => `a 60 IN ${type} ${text}\n`),
  '$ORIGIN ',
  '$TTL 1h\n',
  '$INCLUDE x\n',
  '$GENERATE 1-3 h$ A 192.0.2.$\n',
  '$GENERATE 0-4294967295 ',
  '${0,3,x}',
  '((((',
  '))',
  '; comment\n',
  '"',
  '\\000',
  '\\',
  '\n',
  '\r\n',
  ' ',
  'ALIAS',
  'ANAME target.example.\n',
  '@ SOA ns h 1 2 3 4 5\n',
  '\ufeff',
];

export const zonefile: Target = {
  about: 'a zone file',
  dictionary,
  longest: 2_048,
  run: (input) => {
    const zone = unless([ZoneFileError], () =>
      parseZoneFile(smallRanges(input.toString()), { origin: 'example.com.', defaultTtl: 60 }),
    );
    if (zone === undefined) return;
    const text = formatZoneFile(zone.records);
    const again = parseZoneFile(text, { origin: 'example.com.' });
    holds(again.records.length === zone.records.length, () => 'another number of records is read back');
    zone.records.forEach((record, index) => {
      const other = again.records[index]!;
      const same =
        record.name.equals(other.name) &&
        record.type === other.type &&
        record.ttl === other.ttl &&
        record.rdata.equals(other.rdata);
      holds(
        same,
        () => `${formatName(record.name)} ${record.type} ${record.text} is read back as ${other.text}`,
      );
    });
  },
};

export const importing: Target = {
  about: 'a zone file as the source of an import: rows for the database, options of ALIAS in comments',
  dictionary: [...dictionary, '; answers=', 'fallback=192.0.2.1', 'debug-txt=on', ';zoneferry: '],
  longest: 2_048,
  run: (input) => {
    const text = smallRanges(input.toString());
    unless([ZoneFileError, UserError], () => {
      const parser = new ZoneFileParser(text, { file: 'f', defaultTtl: 60 });
      const reader = new ImportReader({
        label: 'f',
        noun: 'the file',
        statedOrigin: undefined,
        get firstOrigin() {
          return parser.firstOrigin;
        },
        records: () => parser.records(),
        options: optionsByLine(text),
        problem: (line, what) => new ZoneFileError('f', line, what),
      });
      for (const row of reader.rows()) holds(typeof row === 'object', () => 'no row');
      reader.zone();
    });
  },
};

export const alias65401: Target = {
  about: 'the data of TYPE65401, in which other primaries send an ALIAS as it is',
  limit: 65_535,
  dictionary: [Buffer.from('3f', 'hex'), Buffer.from('00', 'hex'), Buffer.from('c00c', 'hex')],
  run: (input) => {
    if (isAliasRdata(input)) formatName(input);
    else unless([NameError, RdataError], () => sameRdata(65_401, input));
  },
};

/** Ranges that stand for thousands of records are right, and slow: what bounds them has tests of its own. */
function smallRanges(text: string): string {
  return text.replaceAll(/(?<!\d)(\d{1,10})-(\d{1,10})/g, (found, start, stop) =>
    Number(stop) - Number(start) > 100 && Number(stop) < 70_000 ? `${start}-${start}` : found,
  );
}
