import { parseRdata } from '../dns/rdata/index.ts';
import { typeFromText } from '../dns/types.ts';
import type { ServedRecord } from './record.ts';

const LABEL = /^[0-9a-f]{32}$/;

/** The names that every catalog has beside its members: the apex and the one that tells the schema's version. */
export function fixedNamesOf(catalog: string): string[] {
  return [catalog, `version.${catalog}`];
}

/** The name in a catalog that lists the member with this label (RFC 9432, section 4.2). */
export function memberOwner(label: string, catalog: string): string {
  return `${label}.${membersBelow(catalog)}`;
}

/** The label of the member that is listed at this name; undefined for any other name. */
export function memberLabel(owner: string, catalog: string): string | undefined {
  const label = owner.slice(0, -membersBelow(catalog).length - 1);
  return LABEL.test(label) && owner === memberOwner(label, catalog) ? label : undefined;
}

/** The name below which the members of a catalog are listed. */
function membersBelow(catalog: string): string {
  return `zones.${catalog}`;
}

/**
 * What a catalog publishes at one of its names (RFC 9432, sections 4.1 and 4.2): one NS that nobody asks, the version of the schema,
 * or the PTR of a member. Nothing where `member`, the zone of that label, is no member now. All names are canonical text.
 */
export function catalogRecords(catalog: string, owner: string, member: string | undefined): ServedRecord[] {
  const [apex, version] = fixedNamesOf(catalog);
  if (owner === apex) return [record(owner, 'NS', 'invalid.')];
  if (owner === version) return [record(owner, 'TXT', '"2"')];
  return member === undefined ? [] : [record(owner, 'PTR', member)];
}

/** Consumers pay no regard to TTLs (RFC 9432, section 4.1), and nobody else asks. */
function record(owner: string, type: string, content: string): ServedRecord {
  return {
    owner,
    name: owner,
    type,
    ttl: 0,
    content,
    rdata: parseRdata(typeFromText(type) ?? 0, content),
    sourceRecordId: null,
  };
}
