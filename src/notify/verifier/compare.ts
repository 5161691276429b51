import type { Message } from '../../dns/message.ts';
import { canonicalName, equalNames, isBelow, nameKey } from '../../dns/name.ts';
import { canonicalRdata } from '../../dns/rdata/index.ts';
import { RCODE, TYPE, typeToText } from '../../dns/types.ts';
import { unpackRecords } from '../../zone/version.ts';

/** An RRset to be looked at. */
export interface Rrset {
  name: Buffer;
  /** Canonical text, and the type in words: as the store knows it. */
  owner: string;
  type: number;
  typeText: string;
}

/** RRsets that are compared at each address, at most. */
const MOST = 8;

/**
 * The RRsets that a change is seen by: those that its records are of, chosen evenly where there are many; the NS of the apex where there
 * is no changeset.
 */
export function sampleOf(changes: readonly Buffer[], zone: Buffer): Rrset[] {
  const found = new Map<string, Rrset>();
  for (const bytes of changes)
    for (const { name, type } of unpackRecords(bytes)) {
      if (type === TYPE.SOA || type === TYPE.RRSIG) continue;
      const owner = nameKey(name);
      const typeText = typeToText(type);
      const key = `${owner} ${typeText}`;
      if (!found.has(key)) found.set(key, { name: canonicalName(name), owner, type, typeText });
    }
  const all = [...found.values()];
  if (all.length === 0)
    return [{ name: canonicalName(zone), owner: nameKey(zone), type: TYPE.NS, typeText: 'NS' }];
  if (all.length <= MOST) return all;
  return Array.from({ length: MOST }, (_, index) => all[Math.floor((index * all.length) / MOST)]!);
}

/**
 * Whether a reply says what is published. `unknown`: it says nothing about it, being no answer of the zone's own data: a referral, a DNAME above
 * it, a refusal of this type.
 */
export function compare(
  { name, type }: Rrset,
  published: { rdata: readonly Buffer[]; underWildcard: boolean },
  reply: Message,
): 'same' | 'other' | 'unknown' {
  if (!reply.aa || (reply.rcode !== RCODE.NOERROR && reply.rcode !== RCODE.NXDOMAIN)) return 'unknown';
  if (
    reply.answers.some(
      (record) => record.type === TYPE.DNAME && isBelow(name, record.name) && !equalNames(name, record.name),
    )
  )
    return 'unknown';
  const answered = reply.answers.filter((record) => record.type === type && equalNames(record.name, name));
  if (published.rdata.length === 0 && published.underWildcard && reply.answers.length > 0) return 'unknown';
  return sameSet(
    type,
    published.rdata,
    answered.map((record) => record.rdata),
  )
    ? 'same'
    : 'other';
}

function sameSet(type: number, one: readonly Buffer[], other: readonly Buffer[]): boolean {
  const toSet = (rdata: readonly Buffer[]) =>
    new Set(rdata.map((bytes) => canonicalRdata(type, bytes).toString('latin1')));
  const [a, b] = [toSet(one), toSet(other)];
  return a.size === b.size && [...a].every((rdata) => b.has(rdata));
}
