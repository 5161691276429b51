import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { systemClock } from '../clock.ts';
import { canonicalName, equalNames, formatName, isBelow, nameKey } from '../dns/name.ts';
import { canonicalRdata, decodeSoa } from '../dns/rdata/index.ts';
import { TYPE, typeToText } from '../dns/types.ts';
import { ZoneFileError, type ZoneFileRecord } from '../dns/zonefile/index.ts';
import { ZoneFileParser } from '../dns/zonefile/parser.ts';
import { UserError } from '../errors.ts';
import { type Imported, type ImportRow, type ImportSoa, importZone } from '../store/import.ts';
import { withDatabase } from './database.ts';
import { counted, print, printJson, warn } from './output.ts';

/** Types whose content depends on the other records: replacing ALIAS would break them. Apex DNSKEY too. */
const LEFT_OUT = new Set<number>([
  TYPE.RRSIG,
  TYPE.NSEC,
  TYPE.NSEC3,
  TYPE.NSEC3PARAM,
  TYPE.CDS,
  TYPE.CDNSKEY,
  TYPE.ZONEMD,
]);
const LARGEST_PERIOD = 2_147_483_647;

/** `zone import`. */
export async function importFile(file: string, options: { origin?: string; json?: boolean }): Promise<void> {
  const text = await readText(file);
  const result = await withDatabase(async ({ pool, config }) => {
    const reader = new ImportReader(text, file === '-' ? 'standard input' : file, options.origin);
    const imported = await importZone(pool, reader.rows(), () => ({
      zone: reader.zone(),
      soa: reader.soa,
      serialPolicy: config.serialPolicy,
      now: systemClock.now(),
    }));
    if (imported.kind === 'conflict')
      throw new ZoneFileError(reader.file, imported.conflict.line, imported.conflict.message);
    if (imported.kind === 'no-soa')
      throw new UserError(
        `${reader.file}: no SOA record, and there is no zone ${reader.zone()} yet: a new zone needs one`,
      );
    return { imported, reader };
  });
  report(result.imported, result.reader, options.json ?? false);
}

async function readText(file: string): Promise<string> {
  if (file === '-') return textOf(process.stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError(code === 'ENOENT' ? `${file}: no such file` : `${file} can't be read: ${message}`);
  }
}

/** Reads a file once, record by record, into rows of a zone. */
class ImportReader {
  readonly file: string;
  soa: ImportSoa | undefined;
  hasServer = false;
  readonly leftOut = new Map<string, number>();
  readonly #parser: ZoneFileParser;
  #apex: Buffer | undefined;
  /** Records that came before the file said what zone it is. */
  #early: ZoneFileRecord[] = [];

  constructor(text: string, path: string, origin: string | undefined) {
    this.file = path;
    this.#parser = new ZoneFileParser(text, { file: this.file, origin });
    this.#apex = this.#parser.statedOrigin;
  }

  /** The zone's name, canonical: known when every row was read. */
  zone(): string {
    if (this.#apex === undefined)
      throw this.#problem(0, 'nothing names the zone: a SOA record, a line $ORIGIN or --origin is expected');
    return nameKey(this.#apex);
  }

  *rows(): Generator<ImportRow> {
    for (const record of this.#parser.records()) {
      if (record.type === TYPE.SOA) this.#takeSoa(record);
      if (this.#apex === undefined) {
        this.#early.push(record);
        continue;
      }
      if (this.#early.length > 0) yield* this.#rowsOf(this.#early.splice(0));
      const row = this.#row(record, this.#apex);
      if (row) yield row;
    }
    this.#apex ??= this.#parser.firstOrigin;
    this.zone();
    yield* this.#rowsOf(this.#early.splice(0));
  }

  *#rowsOf(records: readonly ZoneFileRecord[]): Generator<ImportRow> {
    for (const record of records) {
      const row = this.#apex && this.#row(record, this.#apex);
      if (row) yield row;
    }
  }

  #row(record: ZoneFileRecord, apex: Buffer): ImportRow | undefined {
    const { name, type, ttl, rdata, text, line } = record;
    if (!isBelow(name, apex))
      throw this.#problem(
        line,
        `${formatName(name)} lies outside the zone: a name at or below ${formatName(apex)} is expected`,
      );
    if (type === TYPE.SOA) return undefined;
    const atApex = equalNames(name, apex);
    if (type !== 'ALIAS' && (LEFT_OUT.has(type) || (type === TYPE.DNSKEY && atApex))) {
      const word = typeToText(type);
      this.leftOut.set(word, (this.leftOut.get(word) ?? 0) + 1);
      return undefined;
    }
    if (type === 'ALIAS' && rdata.length === 1)
      throw this.#problem(
        line,
        `${formatName(name)} ALIAS: the root has no addresses: the name that the ALIAS follows is expected`,
      );
    if (type === TYPE.NS && atApex) this.hasServer = true;
    return {
      owner: nameKey(name),
      name: formatName(name),
      type: type === 'ALIAS' ? type : typeToText(type),
      ttl,
      content: text,
      rdata: type === 'ALIAS' ? canonicalName(rdata) : canonicalRdata(type, rdata),
      line,
    };
  }

  #takeSoa(record: ZoneFileRecord): void {
    this.#apex ??= record.name;
    if (!equalNames(record.name, this.#apex))
      throw this.#problem(
        record.line,
        `the SOA is of ${formatName(record.name)}: one of ${formatName(this.#apex)} is expected, the name of the zone`,
      );
    const { mname, rname, serial, ...periods } = decodeSoa(record.rdata);
    for (const [field, seconds] of Object.entries(periods)) {
      const least = field === 'minimum' ? 0 : 1;
      if (seconds < least || seconds > LARGEST_PERIOD)
        throw this.#problem(
          record.line,
          `SOA: ${field} of ${seconds}: seconds from ${least} to ${LARGEST_PERIOD} are expected`,
        );
    }
    this.soa = {
      primaryNs: formatName(mname),
      contact: formatName(rname),
      serial,
      soaTtl: record.ttl,
      ...periods,
    };
  }

  #problem(line: number, what: string): ZoneFileError {
    return new ZoneFileError(this.file, line, what);
  }
}

function report(imported: Imported, reader: ImportReader, json: boolean): void {
  const zone = reader.zone();
  const warnings = warningsOf(imported, reader, zone);
  for (const text of warnings) warn(text);
  const { created, records, added, deleted, soaChanged } = imported;
  const changed = created || added + deleted > 0 || soaChanged;
  if (json) {
    printJson({ zone, created, changed, records, added, deleted, soaChanged, warnings });
    return;
  }
  if (created) print(`zone ${zone} made with ${counted(records, 'record')}, serial ${imported.serial}`);
  else if (!changed)
    print(`zone ${zone} is as the file has it: ${counted(records, 'record')}, nothing changed`);
  else
    print(
      `zone ${zone} changed: ${counted(added, 'record')} added, ${deleted} deleted, ${records} in all${soaChanged ? ', the SOA too' : ''}`,
    );
}

function warningsOf(imported: Imported, reader: ImportReader, zone: string): string[] {
  const warnings: string[] = [];
  if (reader.leftOut.size > 0) {
    const counts = [...reader.leftOut].map(([type, count]) => `${count} ${type}`).join(', ');
    warnings.push(`left out, as replacing ALIAS would break them: ${counts}`);
  }
  const file = reader.soa?.serial;
  if (imported.created && file === 0)
    warnings.push('the serial 0 of the file means none to some tools: 1 is taken');
  else if (imported.fileSerial === 'older')
    warnings.push(
      imported.created
        ? `the serial ${file} of the file is not past that of the deleted zone ${zone}: ${imported.serial} is taken`
        : `the serial ${file} of the file is older than ours, ${imported.serial}, and is ignored`,
    );
  if (imported.fileSerial === 'incomparable')
    warnings.push(
      `the serial ${file} of the file is neither older nor newer than ours, ${imported.serial} (RFC 1982), and is ignored`,
    );
  if (!reader.hasServer)
    warnings.push(
      `no NS record at ${zone}: secondaries would reject the zone, so it is not published until there is one`,
    );
  return warnings;
}
