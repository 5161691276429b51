import { formatIpv4, formatIpv6 } from '../dns/rdata/address-text.ts';
import { unusableIpv4, unusableIpv6 } from '../zone/alias/publishable.ts';
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
