import { BlockList, isIP, SocketAddress } from 'node:net';

/**
 * Addresses and ranges. Every packet of everybody is looked up, forged ones too, so an address costs one look into a set; a list of
 * ranges, which takes many times as long, is asked only where there are ranges.
 */
export class AddressSet {
  readonly #exact = new Set<string>();
  /** By the client's family: a list has IPv4 within `::/0` too, as it is written into IPv6, and nobody who writes that means it. */
  readonly #ranges: { ipv4?: BlockList; ipv6?: BlockList } = {};

  /** Adds an address or a range in CIDR form. What is neither lets nobody in; it should have been refused when it was registered. */
  add(text: string): void {
    const [host = '', bits = ''] = text.split('/', 2);
    const version = isIP(host);
    if (version === 0) return;
    const longest = version === 6 ? 128 : 32;
    const prefix = text.includes('/') ? (/^\d{1,3}$/.test(bits) ? Number(bits) : Infinity) : longest;
    if (prefix > longest) return;
    const family = version === 6 ? 'ipv6' : 'ipv4';
    if (prefix === longest) {
      this.#exact.add(plainAddress(new SocketAddress({ address: host, family }).address));
      return;
    }
    this.#listOf(family).addSubnet(host, prefix, family);
    // IPv4 as mapped into IPv6 is IPv4
    if (family === 'ipv6' && prefix >= MAPPED_PREFIX) this.#listOf('ipv4').addSubnet(host, prefix, family);
  }

  /** @param address as a socket gives it */
  has(address: string): boolean {
    const plain = plainAddress(address);
    if (this.#exact.has(plain)) return true;
    const version = isIP(plain);
    if (version === 0) return false;
    const family = version === 6 ? 'ipv6' : 'ipv4';
    return this.#ranges[family]?.check(plain, family) ?? false;
  }

  #listOf(family: 'ipv4' | 'ipv6'): BlockList {
    this.#ranges[family] ??= new BlockList();
    return this.#ranges[family];
  }
}

/** A socket's address as people write it: IPv4 out of its IPv6-mapped form, without a scope. */
export function plainAddress(address: string): string {
  if (!address.includes(':')) return address;
  const unscoped = address.split('%', 1)[0]!;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(unscoped)?.[1];
  return mapped ?? unscoped;
}

/** Bits before the address in an IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2). */
const MAPPED_PREFIX = 96;
