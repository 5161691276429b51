import { absoluteName, nameKey } from '../dns/name.ts';
import { canonicalRdata, parseRdata } from '../dns/rdata/index.ts';
import { typeFromText } from '../dns/types.ts';
import { messageOf } from '../errors.ts';
import type { PublishedRecord, ServedRecord, SourceRecord, TargetAnswer } from './record.ts';

/**
 * Octets of one record's data, at most. A message over TCP has 65,535: the rest is for header, question, owner, OPT and TSIG. One
 * longer record would keep its whole zone from being transferred.
 */
const LONGEST_RDATA = 64_000;

/** What one name should publish, and what is to be said about it. */
export interface Desired {
  records: ServedRecord[];
  /** Rows of `records` that the encoder refuses: not served, each with its reason. */
  problems: { id: string; problem: string }[];
  /** The ALIAS at this name, where there is one, and why something else than its target's answer is published. */
  alias?: { recordId: string; target: string; held?: string };
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
  const answer = answers(target, alias.id);
  if (answer?.answered) {
    addAddresses(desired, alias, 'A', answer.a);
    addAddresses(desired, alias, 'AAAA', answer.aaaa);
    desired.alias = { recordId: alias.id, target, ...(answer.held ? { held: answer.held } : {}) };
    return;
  }
  const kept = keptUntilAnswered(desired.records, published);
  for (const record of kept) desired.records.push({ ...record, sourceRecordId: alias.id });
  desired.alias = {
    recordId: alias.id,
    target,
    held:
      kept.length > 0
        ? `${target} has not answered yet: what stood here before stays`
        : `${target} has not answered yet`,
  };
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

function addAddresses(
  desired: Desired,
  alias: SourceRecord,
  type: 'A' | 'AAAA',
  known: { addresses: string[]; ttl: number },
): void {
  const ttl = Math.max(1, Math.min(alias.ttl, known.ttl));
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
