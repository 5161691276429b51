import { identity } from './desired.ts';
import type { PublishedRecord, ServedRecord } from './record.ts';

/** What one name loses and gains. Deleted rows carry the TTL, case and bytes that secondaries hold (RFC 1995, section 4). */
export interface Changeset {
  deleted: PublishedRecord[];
  added: ServedRecord[];
  /** Published records that stay, but come from another source row now. */
  relinked: { id: string; sourceRecordId: string | null }[];
}

/**
 * The difference between what one name publishes and what it should. Equality is type, TTL and canonical rdata: order and spelling
 * are no difference, and nothing to change is the usual answer. A changed TTL of an RRset replaces all its records.
 */
export function difference(
  published: readonly PublishedRecord[],
  desired: readonly ServedRecord[],
): Changeset {
  if (published.length === 0) return { deleted: [], added: [...desired], relinked: [] };
  const wanted = new Map(desired.map((record) => [`${record.ttl}/${identity(record)}`, record]));
  const deleted: PublishedRecord[] = [];
  const relinked: Changeset['relinked'] = [];
  for (const record of published) {
    const key = `${record.ttl}/${identity(record)}`;
    const same = wanted.get(key);
    if (!same) deleted.push(record);
    else if (same.sourceRecordId !== record.sourceRecordId)
      relinked.push({ id: record.id, sourceRecordId: same.sourceRecordId });
    wanted.delete(key);
  }
  return { deleted, added: [...wanted.values()], relinked };
}
