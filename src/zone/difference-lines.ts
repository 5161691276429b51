import { absoluteName, nameKey } from '../dns/name.ts';
import { TYPE } from '../dns/types.ts';
import { formatRecord } from '../dns/zonefile/index.ts';
import { type JournalStep, type StoredRecord, unpackRecords } from './version.ts';

/** The lines of a master file that one version has and another one has not. */
export interface DifferenceLines {
  deleted: string[];
  added: string[];
}

/** A step between versions as lines of a master file: the SOA first, then the records in the order of names. */
export function differenceLines(zone: string, step: JournalStep): DifferenceLines {
  const apex = absoluteName(zone);
  const soa = (rdata: Buffer, ttl: number) => formatRecord({ name: apex, type: TYPE.SOA, ttl, rdata });
  return {
    deleted: [soa(step.oldSoa, step.oldSoaTtl), ...lines(step.deleted)],
    added: [soa(step.newSoa, step.newSoaTtl), ...lines(step.added)],
  };
}

function lines(packed: Buffer): string[] {
  return unpackRecords(packed)
    .map((record) => ({ record, key: nameKey(record.name) }))
    .sort((a, b) => inOrder(a.key, b.key) || bySort(a.record, b.record))
    .map(({ record }) => formatRecord(record));
}

function inOrder(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function bySort(a: StoredRecord, b: StoredRecord): number {
  return a.type - b.type || Buffer.compare(a.rdata, b.rdata);
}
