import { identity } from './desired.ts';
import type { PublishedRecord, ServedRecord } from './record.ts';

/** What one name loses and gains. Deleted rows carry the TTL, case and bytes that secondaries hold (RFC 1995, section 4). */
export interface Changeset {
  deleted: PublishedRecord[];
  added: ServedRecord[];
}

/**
 * The difference between what one name publishes and what it should. Equality is type, TTL and canonical rdata: order and spelling
 * are no difference, and nothing to change is the usual answer. A changed TTL of an RRset replaces all its records.
 */
export function difference(
  published: readonly PublishedRecord[],
  desired: readonly ServedRecord[],
): Changeset {
  if (published.length === 0) return { deleted: [], added: [...desired] };
  const wanted = new Map(desired.map((record) => [`${record.ttl}/${identity(record)}`, record]));
  const deleted = published.filter((record) => !wanted.delete(`${record.ttl}/${identity(record)}`));
  return { deleted, added: [...wanted.values()] };
}
