import { canonicalName, equalNames, formatName, isBelow, nameKey } from '../../dns/name.ts';
import { canonicalRdata, decodeSoa } from '../../dns/rdata/index.ts';
import { TYPE, typeToText } from '../../dns/types.ts';
import type { ZoneFileRecord } from '../../dns/zonefile/index.ts';
import type { ImportRow, ImportSoa } from '../../store/import.ts';
import type { AliasOptions } from '../../zone/record.ts';

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

/** Where records of a zone come from: a master file, or another primary. */
export interface ImportSource {
  /** What it is called in messages. */
  readonly label: string;
  /** What it is, for people. */
  readonly noun: 'the file' | 'the primary';
  /** The zone's name where it is known before the records are. */
  readonly statedOrigin: Buffer | undefined;
  /** Where nothing else says the zone's name, once the records were read. */
  readonly firstOrigin?: Buffer | undefined;
  records(): Iterable<ZoneFileRecord>;
  /** What the source says of the ALIAS at this line beyond its target. */
  options?(line: number): Partial<AliasOptions> | undefined;
  /** The error of a record; 0: of the whole. */
  problem(line: number, what: string): Error;
}

/** Reads a source once, record by record, into rows of a zone. */
export class ImportReader {
  readonly source: ImportSource;
  soa: ImportSoa | undefined;
  hasServer = false;
  readonly leftOut = new Map<string, number>();
  #apex: Buffer | undefined;
  /** Records that came before the file said what zone it is. */
  #early: ZoneFileRecord[] = [];

  constructor(source: ImportSource) {
    this.source = source;
    this.#apex = source.statedOrigin;
  }

  /** The zone's name, canonical: known when every row was read. */
  zone(): string {
    if (this.#apex === undefined)
      throw this.source.problem(
        0,
        'nothing names the zone: a SOA record, a line $ORIGIN or --origin is expected',
      );
    return nameKey(this.#apex);
  }

  *rows(): Generator<ImportRow> {
    for (const record of this.source.records()) {
      if (record.type === TYPE.SOA) this.#takeSoa(record);
      if (this.#apex === undefined) {
        this.#early.push(record);
        continue;
      }
      if (this.#early.length > 0) yield* this.#rowsOf(this.#early.splice(0));
      const row = this.#row(record, this.#apex);
      if (row) yield row;
    }
    this.#apex ??= this.source.firstOrigin;
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
      throw this.source.problem(
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
      throw this.source.problem(
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
      ...(type === 'ALIAS' ? { options: this.source.options?.(line) } : {}),
    };
  }

  #takeSoa(record: ZoneFileRecord): void {
    this.#apex ??= record.name;
    if (!equalNames(record.name, this.#apex))
      throw this.source.problem(
        record.line,
        `the SOA is of ${formatName(record.name)}: one of ${formatName(this.#apex)} is expected, the name of the zone`,
      );
    const { mname, rname, serial, ...periods } = decodeSoa(record.rdata);
    for (const [field, seconds] of Object.entries(periods)) {
      const least = field === 'minimum' ? 0 : 1;
      if (seconds < least || seconds > LARGEST_PERIOD)
        throw this.source.problem(
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
}
