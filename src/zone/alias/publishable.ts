import { parseRdata } from '../../dns/rdata/index.ts';
import { TYPE } from '../../dns/types.ts';
import type { AliasPolicy } from './policy.ts';
import type { Seen } from './seen.ts';

/** Why an IPv4 address of four octets leads nowhere from outside (RFC 6890), whatever the settings; undefined where it may lead somewhere. */
export function unusableIpv4(bytes: Buffer): string | undefined {
  const first = bytes[0];
  if (first === 0) return 'unspecified';
  if (first === 127) return 'loopback';
  if (first === 169 && bytes[1] === 254) return 'link-local';
  if (first !== undefined && first >= 224 && first <= 239) return 'multicast';
  if (bytes.readUInt32BE(0) === 0xffffffff) return 'broadcast';
  return undefined;
}

/** The same for IPv6 (RFC 4291), IPv4 addresses in IPv6 clothes included (2.5.5). */
export function unusableIpv6(bytes: Buffer): string | undefined {
  if (bytes.equals(UNSPECIFIED)) return 'unspecified';
  if (bytes.equals(LOOPBACK)) return 'loopback';
  if (bytes[0] === 0xff) return 'multicast';
  if (isWithin(bytes, 'fe80', 10)) return 'link-local';
  const ipv4 = ipv4Within(bytes);
  return ipv4 && unusableIpv4(ipv4);
}

/** Drops the addresses that must not be published; a set with none left is a failure, not an empty answer. The set is sorted. */
export function withoutRefused(seen: Seen, policy: AliasPolicy): Seen {
  if (seen.kind !== 'found') return seen;
  const addresses: string[] = [];
  const refused: string[] = [];
  for (const address of new Set(seen.addresses)) {
    const reason = refusal(address.includes(':') ? 'AAAA' : 'A', address, policy);
    if (reason === undefined) addresses.push(address);
    else if (refused.length < 5) refused.push(`${address} (${reason})`);
  }
  const words = refused.join(', ');
  if (addresses.length > 0)
    return { ...seen, addresses: addresses.sort(), leftOut: words ? `left out ${words}` : undefined };
  const { addresses: _, ttl: __, ...witness } = seen;
  return {
    ...witness,
    kind: 'failed',
    reason: 'unpublishable',
    detail: `no address that may be published, only ${words}`,
  };
}

/** Why an address in text is not to be published; undefined where it is. */
function refusal(family: 'A' | 'AAAA', address: string, policy: AliasPolicy): string | undefined {
  const bytes = bytesOf(family, address);
  if (!bytes) return 'no address';
  const ipv4 = family === 'A' ? bytes : ipv4Within(bytes);
  return (
    (family === 'A' ? unusableIpv4(bytes) : unusableIpv6(bytes)) ??
    (policy.publishPrivate ? undefined : among(PRIVATE, 'private', bytes, ipv4)) ??
    (policy.publishDocumentation ? undefined : among(DOCUMENTATION, 'documentation', bytes, ipv4))
  );
}

/** One look that is no answer must not hold up those written beside it. */
function bytesOf(family: 'A' | 'AAAA', address: string): Buffer | undefined {
  try {
    return parseRdata(TYPE[family], address);
  } catch {
    return undefined;
  }
}

interface Nets {
  ipv4: [hex: string, bits: number][];
  ipv6: [hex: string, bits: number][];
}

/** RFC 1918, RFC 6598 (shared by carriers), RFC 4193. */
const PRIVATE: Nets = {
  ipv4: [
    ['0a', 8],
    ['ac10', 12],
    ['c0a8', 16],
    ['6440', 10],
  ],
  ipv6: [['fc', 7]],
};

/** RFC 5737, RFC 3849, RFC 9637. */
const DOCUMENTATION: Nets = {
  ipv4: [
    ['c00002', 24],
    ['c63364', 24],
    ['cb0071', 24],
  ],
  ipv6: [
    ['20010db8', 32],
    ['3fff00', 20],
  ],
};

function among(nets: Nets, word: string, bytes: Buffer, ipv4: Buffer | undefined): string | undefined {
  const inIpv4 = ipv4 && nets.ipv4.some(([hex, bits]) => isWithin(ipv4, hex, bits));
  const inIpv6 = bytes.length === 16 && nets.ipv6.some(([hex, bits]) => isWithin(bytes, hex, bits));
  return inIpv4 || inIpv6 ? word : undefined;
}

function isWithin(bytes: Buffer, hex: string, bits: number): boolean {
  const prefix = Buffer.from(hex, 'hex');
  const whole = bits >> 3;
  if (!bytes.subarray(0, whole).equals(prefix.subarray(0, whole))) return false;
  const mask = (0xff00 >> (bits & 7)) & 0xff;
  return mask === 0 || ((bytes[whole] ?? 0) & mask) === ((prefix[whole] ?? 0) & mask);
}

function ipv4Within(bytes: Buffer): Buffer | undefined {
  const head = bytes.subarray(0, 12);
  return head.equals(MAPPED) || head.equals(COMPATIBLE) ? bytes.subarray(12) : undefined;
}

const UNSPECIFIED = Buffer.alloc(16);
const LOOPBACK = Buffer.from('00000000000000000000000000000001', 'hex');
const MAPPED = Buffer.from('00000000000000000000ffff', 'hex');
const COMPATIBLE = Buffer.alloc(12);
