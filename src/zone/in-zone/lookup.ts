import { absoluteName, nameKey } from '../../dns/name.ts';
import { messageOf } from '../../errors.ts';
import { namesWithin } from './names.ts';

/** An enabled record of a zone of ours, as far as lookups care. TTL in seconds, names in canonical text. */
export interface OwnRecord {
  type: string;
  ttl: number;
  content: string;
}

export interface OwnZone {
  /** The canonical text of its name. */
  apex: string;
  /** The enabled records at a name; asked for those of `namesToRead` alone. */
  at(owner: string): readonly OwnRecord[];
  /** Whether a name exists, were it only by what stands below it (RFC 4592, 2.2.2); undefined where that is not known yet. */
  exists(name: string): boolean | undefined;
}

/** One RRset of addresses; the TTL is the lowest of its records (RFC 2181, 5.2). */
export interface OwnAddresses {
  addresses: string[];
  ttl: number;
}

export type Found =
  | { kind: 'addresses'; a: OwnAddresses | undefined; aaaa: OwnAddresses | undefined }
  /** Goes on at another name. */
  | { kind: 'link'; to: string; ttl: number }
  /** Below a zone cut: not ours to answer. */
  | { kind: 'delegated'; cut: string }
  | { kind: 'none'; detail: 'no such name' | 'no addresses' }
  | { kind: 'failed'; detail: string }
  /** `exists` has to know of this name first. */
  | { kind: 'unsure'; about: string };

export interface Lookup {
  found: Found;
  /** Names whose records made the answer what it is, or would have if they had any. */
  read: string[];
  /** A name whose existence did: anything at it or below it. */
  under?: string;
}

/** The names whose records a lookup may need: the name, those above it up to the zone's, and the wildcards there. */
export function namesToRead(name: string, apex: string): string[] {
  const [, ...above] = namesWithin(name, apex);
  return [name, ...above, ...above.map((owner) => `*.${owner}`)];
}

/**
 * Looks a name up in a zone of ours as an authoritative server would (RFC 1034, 4.3.2): zone cuts and DNAMEs on the way down (RFC 6672),
 * then the name itself, then the wildcard of its closest encloser (RFC 4592). Pure.
 */
export function lookUp(name: string, zone: OwnZone): Lookup {
  const path = namesWithin(name, zone.apex);
  for (let depth = path.length - 1; depth >= 0; depth--) {
    const owner = path[depth] ?? '';
    const records = zone.at(owner);
    if (owner !== zone.apex && records.some(({ type }) => type === 'NS'))
      return { found: { kind: 'delegated', cut: owner }, read: [name, owner] };
    const dname = depth > 0 ? records.find(({ type }) => type === 'DNAME') : undefined;
    if (dname) return { found: renamed(name, owner, dname), read: [name, owner] };
  }
  const own = zone.at(name);
  return own.length > 0 ? { found: answerOf(own), read: [name] } : synthesised(name, path, zone);
}

/** The name has no records: a wildcard answers where the name doesn't exist and the wildcard stands right below its closest encloser. */
function synthesised(name: string, path: readonly string[], zone: OwnZone): Lookup {
  const read = [name];
  for (let depth = 1; depth < path.length; depth++) {
    const encloser = path[depth] ?? '';
    const wildcard = `*.${encloser}`;
    read.push(wildcard);
    const records = zone.at(wildcard);
    if (records.length > 0) {
      const closer = path[depth - 1] ?? '';
      const exists = zone.exists(closer);
      const found: Found =
        exists === undefined
          ? { kind: 'unsure', about: closer }
          : exists
            ? { kind: 'none', detail: 'no such name' }
            : answerOf(records);
      return { found, read, under: closer };
    }
    if (zone.at(encloser).length > 0) {
      read.push(encloser);
      break;
    }
  }
  return { found: { kind: 'none', detail: 'no such name' }, read };
}

function answerOf(records: readonly OwnRecord[]): Found {
  const link = records.find(({ type }) => type === 'CNAME' || type === 'ALIAS');
  if (link) return { kind: 'link', to: nameKey(absoluteName(link.content)), ttl: link.ttl };
  const a = addressesOf(records, 'A');
  const aaaa = addressesOf(records, 'AAAA');
  return a || aaaa ? { kind: 'addresses', a, aaaa } : { kind: 'none', detail: 'no addresses' };
}

function addressesOf(records: readonly OwnRecord[], wanted: 'A' | 'AAAA'): OwnAddresses | undefined {
  const set = records.filter(({ type }) => type === wanted);
  if (set.length === 0) return undefined;
  return {
    addresses: [...new Set(set.map(({ content }) => content))].sort(),
    ttl: Math.min(...set.map(({ ttl }) => ttl)),
  };
}

/** The CNAME that a DNAME makes of a name below it (RFC 6672, 2.2); one that grows too long is an error there, YXDOMAIN. */
function renamed(name: string, owner: string, { content, ttl }: OwnRecord): Found {
  const tail = content === '.' ? '' : content;
  try {
    return {
      kind: 'link',
      to: nameKey(absoluteName(name.slice(0, name.length - owner.length) + tail)),
      ttl,
    };
  } catch (error) {
    return { kind: 'failed', detail: `the DNAME at ${owner} makes no name of ${name}: ${messageOf(error)}` };
  }
}
