import { formatIpv4, formatIpv6 } from '../dns/rdata/address-text.ts';
import type { Family } from './outcome.ts';

/** Addresses of one set, at most: an RRset of more fits few messages and serves nobody. */
export const MOST_ADDRESSES = 1000;

export interface AddressSet {
  /** Canonical text, sorted, without duplicates, at most `MOST_ADDRESSES`: the lowest, so that rotation changes nothing. */
  addresses: string[];
  /** What was left out, with the reason: `127.0.0.1 (loopback)`. At most a few. */
  refused: string[];
  /** How many more than `MOST_ADDRESSES` there were. */
  surplus: number;
}

/** Makes the set that may be published of the rdata of A or AAAA records (of 4 or 16 octets each). */
export function addressSet(family: Family, rdatas: readonly Buffer[]): AddressSet {
  const good = new Set<string>();
  const refused = new Set<string>();
  for (const rdata of rdatas) {
    const text = family === 'A' ? formatIpv4(rdata) : formatIpv6(rdata);
    const reason = family === 'A' ? unusableIpv4(rdata) : unusableIpv6(rdata);
    if (reason === undefined) good.add(text);
    else if (refused.size < 5) refused.add(`${text} (${reason})`);
  }
  const addresses = [...good].sort();
  const surplus = Math.max(0, addresses.length - MOST_ADDRESSES);
  return { addresses: addresses.slice(0, MOST_ADDRESSES), refused: [...refused], surplus };
}

/** Why an IPv4 address leads nowhere from outside (RFC 6890), or undefined. */
function unusableIpv4(bytes: Buffer): string | undefined {
  const first = bytes[0]!;
  if (first === 0) return 'unspecified';
  if (first === 127) return 'loopback';
  if (first === 169 && bytes[1] === 254) return 'link-local';
  if (first >= 224 && first <= 239) return 'multicast';
  if (bytes.readUInt32BE(0) === 0xffffffff) return 'broadcast';
  return undefined;
}

/** The same for IPv6 (RFC 4291), IPv4 addresses in IPv6 clothes included (2.5.5). */
function unusableIpv6(bytes: Buffer): string | undefined {
  if (bytes.equals(UNSPECIFIED)) return 'unspecified';
  if (bytes.equals(LOOPBACK)) return 'loopback';
  if (bytes[0] === 0xff) return 'multicast';
  if (bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80) return 'link-local';
  const carriesIpv4 = bytes.subarray(0, 12).equals(MAPPED) || bytes.subarray(0, 12).equals(COMPATIBLE);
  return carriesIpv4 ? unusableIpv4(bytes.subarray(12)) : undefined;
}

const UNSPECIFIED = Buffer.alloc(16);
const LOOPBACK = Buffer.from('00000000000000000000000000000001', 'hex');
const MAPPED = Buffer.from('00000000000000000000ffff', 'hex');
const COMPATIBLE = Buffer.alloc(12);
