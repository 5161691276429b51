import { absoluteName, nameKey } from '../dns/name.ts';
import { canonicalRdata, formatRdata, parseRdata } from '../dns/rdata/index.ts';
import { TYPE, typeFromText } from '../dns/types.ts';
import { messageOf } from '../errors.ts';
import {
  type AliasOptions,
  type FamilyAnswer,
  type PublishedRecord,
  type ServedRecord,
  type SourceRecord,
  type TargetAnswer,
  USUAL_OPTIONS,
} from './record.ts';

/**
 * Octets of one record's data, at most. A message over TCP has 65,535: the rest is for header, question, owner, OPT and TSIG. One
 * longer record would keep its whole zone from being transferred.
 */
const LONGEST_RDATA = 64_000;
/** Octets of one character-string (RFC 1035, 3.3). */
const LONGEST_STRING = 255;

/** What one name should publish, and what is to be said about it. */
export interface Desired {
  records: ServedRecord[];
  /** Rows of `records` that the encoder refuses: not served, each with its reason. */
  problems: { id: string; problem: string }[];
  /** The ALIAS at this name, where there is one, and why something else than its target's answer is published. */
  alias?: { recordId: string; target: string; options: AliasOptions; held?: string };
}

/** What is known of a target, by its key, for the ALIAS record of that id. */
export type Answers = (target: string, recordId: string) => TargetAnswer | undefined;

/**
 * Turns the enabled source rows of one name into the records to publish there. Pure: `answers` gives what is known of a target by
 * its key; `published` is what the name publishes now, for an ALIAS whose target has not answered yet to keep.
 */
export function desiredRecords(
  sources: readonly SourceRecord[],
  published: readonly PublishedRecord[],
  answers: Answers,
): Desired {
  const desired: Desired = { records: [], problems: [] };
  let alias: SourceRecord | undefined;
  for (const source of sources) {
    if (source.type === 'ALIAS') alias = source;
    else addEncoded(desired, source);
  }
  if (alias) addAlias(desired, alias, published, answers);
  desired.records = oneTtlEach(withoutDuplicates(desired.records));
  return desired;
}

/** The key of an ALIAS's target: its canonical text. */
export function targetOf(content: string): string {
  return nameKey(absoluteName(content));
}

function addEncoded(desired: Desired, source: SourceRecord): void {
  const type = typeFromText(source.type);
  if (type === undefined) {
    desired.problems.push({ id: source.id, problem: `unknown type ${source.type}` });
    return;
  }
  try {
    const rdata = parseRdata(type, source.content);
    if (rdata.length > LONGEST_RDATA)
      throw new Error(
        `${rdata.length} octets of data: a message of a transfer takes ${LONGEST_RDATA} at most, split it`,
      );
    absoluteName(source.name);
    desired.records.push({
      owner: source.owner,
      name: source.name,
      type: source.type,
      ttl: source.ttl,
      content: source.content,
      rdata,
      sourceRecordId: source.id,
    });
  } catch (error) {
    desired.problems.push({ id: source.id, problem: messageOf(error) });
  }
}

function addAlias(
  desired: Desired,
  alias: SourceRecord,
  published: readonly PublishedRecord[],
  answers: Answers,
): void {
  const target = targetOf(alias.content);
  const options = alias.options ?? USUAL_OPTIONS;
  const answer = answers(target, alias.id);
  const row = { recordId: alias.id, target, options };
  const standIn = answer && fallbackFor(answer, options);
  if (standIn) {
    addAddresses(desired, alias, 'A', standIn.a);
    addAddresses(desired, alias, 'AAAA', standIn.aaaa);
    desired.alias = {
      ...row,
      held: `${target} had no answer for MAX_STALE: the fallback addresses stand in`,
    };
  } else if (answer?.answered) {
    addAddresses(desired, alias, 'A', chosen(answer.a, options));
    addAddresses(desired, alias, 'AAAA', chosen(answer.aaaa, options));
    desired.alias = { ...row, ...(answer.held ? { held: answer.held } : {}) };
  } else {
    const kept = keptUntilAnswered(desired.records, published);
    for (const record of kept) desired.records.push({ ...record, sourceRecordId: alias.id });
    const says = answer?.held ?? `${target} has not answered yet`;
    desired.alias = { ...row, held: kept.length > 0 ? `${says}: what stood here before stays` : says };
  }
  if (options.debugTxt && !desired.records.some((record) => record.type === 'CNAME'))
    addDebugText(desired, alias, target);
}

function chosen(family: FamilyAnswer, { answers }: AliasOptions): Addresses {
  return { addresses: answers === 'exact' ? family.exact : family.addresses, ttl: family.ttl };
}

interface Addresses {
  addresses: readonly string[];
  /** Seconds; undefined: that of the ALIAS. */
  ttl?: number;
}

/**
 * What stands in for a target without answers. Where only one family has none, it alone is replaced, if there are fallback addresses
 * of that family and something to replace.
 */
function fallbackFor(
  { a, aaaa }: TargetAnswer,
  options: AliasOptions,
): { a: Addresses; aaaa: Addresses } | undefined {
  const { fallback } = options;
  if (fallback.length === 0 || (!a.stale && !aaaa.stale)) return undefined;
  const ipv4 = { addresses: fallback.filter((address) => !address.includes(':')) };
  const ipv6 = { addresses: fallback.filter((address) => address.includes(':')) };
  if (a.stale && aaaa.stale) return { a: ipv4, aaaa: ipv6 };
  if (a.stale && a.addresses.length > 0 && ipv4.addresses.length > 0)
    return { a: ipv4, aaaa: chosen(aaaa, options) };
  if (aaaa.stale && aaaa.addresses.length > 0 && ipv6.addresses.length > 0)
    return { a: chosen(a, options), aaaa: ipv6 };
  return undefined;
}

/** It changes with the target's name alone, never with an answer. */
function addDebugText(desired: Desired, alias: SourceRecord, target: string): void {
  const text = Buffer.from(`ALIAS for ${target}`, 'latin1');
  const strings: Buffer[] = [];
  for (let at = 0; at < text.length; at += LONGEST_STRING) {
    const part = text.subarray(at, at + LONGEST_STRING);
    strings.push(Buffer.from([part.length]), part);
  }
  const rdata = Buffer.concat(strings);
  desired.records.push({
    owner: alias.owner,
    name: alias.name,
    type: 'TXT',
    ttl: alias.ttl,
    content: formatRdata(TYPE.TXT, rdata),
    rdata,
    sourceRecordId: alias.id,
  });
}

/** Addresses of before, else a CNAME of before while nothing else is to stand beside it. */
function keptUntilAnswered(
  others: readonly ServedRecord[],
  published: readonly PublishedRecord[],
): PublishedRecord[] {
  const addresses = published.filter((record) => record.type === 'A' || record.type === 'AAAA');
  if (addresses.length > 0) return addresses;
  return others.length === 0 ? published.filter((record) => record.type === 'CNAME') : [];
}

function addAddresses(desired: Desired, alias: SourceRecord, type: 'A' | 'AAAA', known: Addresses): void {
  const ttl = Math.max(1, Math.min(alias.ttl, known.ttl ?? alias.ttl));
  for (const address of known.addresses) {
    desired.records.push({
      owner: alias.owner,
      name: alias.name,
      type,
      ttl,
      content: address,
      rdata: parseRdata(type === 'A' ? 1 : 28, address),
      sourceRecordId: alias.id,
    });
  }
}

/** Equal rdata in any spelling is one record: the first row's. */
function withoutDuplicates(records: ServedRecord[]): ServedRecord[] {
  if (records.length < 2) return records;
  const seen = new Map<string, ServedRecord>();
  for (const record of records) {
    const key = identity(record);
    const other = seen.get(key);
    if (other) other.ttl = Math.min(other.ttl, record.ttl);
    else seen.set(key, record);
  }
  return [...seen.values()];
}

/** Rows of one RRset with different TTLs are published with the lowest (RFC 2181, section 5.2). */
function oneTtlEach(records: ServedRecord[]): ServedRecord[] {
  if (records.length < 2) return records;
  const lowest = new Map<string, number>();
  for (const { type, ttl } of records) lowest.set(type, Math.min(ttl, lowest.get(type) ?? ttl));
  return records.map((record) => ({ ...record, ttl: lowest.get(record.type) ?? record.ttl }));
}

/** Equality of records at one name: type and canonical rdata, so that spelling never costs a serial. */
export function identity(record: Pick<ServedRecord, 'type' | 'rdata'>): string {
  const type = typeFromText(record.type) ?? 0;
  return `${type}/${canonicalRdata(type, record.rdata).toString('latin1')}`;
}
