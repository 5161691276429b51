import { BlockList, isIP } from 'node:net';
import { equalNames, formatName } from '../dns/name.ts';
import type { TsigKey } from '../dns/tsig.ts';
import type { Refusal } from './refusal.ts';
import type { Registration } from './source.ts';

/** Whose request it is: the secondary that may have the zone, or why nobody may. */
export type Access =
  | { readonly kind: 'allowed'; readonly secondary: Registration }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/**
 * Who asks, and whether they may have this zone. A signed request matches registrations of its
 * address with that very key, an unsigned one those without keys; several registrations may share an address.
 *
 * @param address the client's, as the socket gives it
 * @param key the key that signed the request well, if one did
 * @param zone canonical text of the zone asked for
 */
export function decideAccess(
  registrations: readonly Registration[],
  address: string,
  key: TsigKey | undefined,
  zone: string,
): Access {
  const here = registrations.filter((registration) => isFrom(registration, address));
  if (here.length === 0) {
    return refuse('unknown-address', `no secondary is registered with the address ${plainAddress(address)}`);
  }
  const matching = here.filter((registration) =>
    key === undefined ? isWithoutKey(registration) : registration.keys.some((own) => sameKey(own, key)),
  );
  if (matching.length === 0) {
    return key === undefined
      ? refuse(
          'key-expected',
          `secondary ${namesOf(here)} has a key${here.some(({ locked }) => locked) ? ' that SECRET_KEY does not open' : ''}, and the request is not signed`,
        )
      : refuse('key-not-theirs', `key ${formatName(key.name)} is not registered for ${namesOf(here)}`);
  }
  const isCatalog = registrations.some((registration) => registration.catalog === zone);
  const secondary = matching.find((registration) => mayHave(registration, zone, isCatalog));
  if (secondary === undefined) {
    return refuse('zone-not-allowed', `secondary ${namesOf(matching)} may not transfer ${zone}`);
  }
  return { kind: 'allowed', secondary };
}

/**
 * `decideAccess` for unsigned requests that are allowed, with what it found remembered for each address as long as the registrations
 * are the same list.
 */
export class UnsignedAccess {
  #registrations: readonly Registration[] | undefined;
  #catalogs: ReadonlySet<string> = new Set();
  readonly #matching = new Map<string, readonly Registration[]>();

  /** The secondary that may have the zone; undefined: `decideAccess` says why not. `address` is plain. */
  find(registrations: readonly Registration[], address: string, zone: string): Registration | undefined {
    if (registrations !== this.#registrations) {
      this.#registrations = registrations;
      this.#catalogs = new Set(registrations.flatMap(({ catalog }) => catalog ?? []));
      this.#matching.clear();
    }
    const isCatalog = this.#catalogs.size > 0 && this.#catalogs.has(zone);
    for (const registration of this.#of(registrations, address))
      if (mayHave(registration, zone, isCatalog)) return registration;
    return undefined;
  }

  #of(registrations: readonly Registration[], address: string): readonly Registration[] {
    const known = this.#matching.get(address);
    if (known !== undefined) return known;
    const matching = registrations.filter(isWithoutKey).filter((one) => isFrom(one, address));
    if (this.#matching.size >= MOST_ADDRESSES) this.#matching.clear();
    this.#matching.set(address, matching);
    return matching;
  }
}

/** `isRegisteredAddress`, remembered in the same way. */
export class RegisteredAddresses {
  #registrations: readonly Registration[] | undefined;
  readonly #known = new Map<string, boolean>();

  has(registrations: readonly Registration[], address: string): boolean {
    if (registrations !== this.#registrations) {
      this.#registrations = registrations;
      this.#known.clear();
    }
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    const isRegistered = isRegisteredAddress(registrations, address);
    if (this.#known.size >= MOST_ADDRESSES) this.#known.clear();
    this.#known.set(address, isRegistered);
    return isRegistered;
  }
}

const MOST_ADDRESSES = 10_000;

/** Whether anybody is registered with this address, whatever their keys and zones. */
export function isRegisteredAddress(registrations: readonly Registration[], address: string): boolean {
  return registrations.some((registration) => isFrom(registration, address));
}

/** A socket's address as people write it: IPv4 out of its IPv6-mapped form, without a scope. */
export function plainAddress(address: string): string {
  if (!address.includes(':')) return address;
  const unscoped = address.split('%', 1)[0]!;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(unscoped)?.[1];
  return mapped ?? unscoped;
}

function isWithoutKey({ keys, locked }: Registration): boolean {
  return keys.length === 0 && locked !== true;
}

function mayHave(registration: Registration, zone: string, isCatalog: boolean): boolean {
  return isCatalog
    ? registration.catalog === zone
    : registration.zones === 'all' || registration.zones.has(zone);
}

function isFrom(registration: Registration, address: string): boolean {
  const plain = plainAddress(address);
  const version = isIP(plain);
  if (version === 0) return false;
  const family = version === 6 ? 'ipv6' : 'ipv4';
  return rangesOf(registration)[family].check(plain, family);
}

/** By the client's family: a list has IPv4 within `::/0` too, as it is written into IPv6, and nobody who writes that means it. */
interface Ranges {
  readonly ipv4: BlockList;
  readonly ipv6: BlockList;
}

// A registration is one object until it is changed, and every packet asks: its ranges are parsed once.
const parsedRanges = new WeakMap<Registration, Ranges>();

function rangesOf(registration: Registration): Ranges {
  const known = parsedRanges.get(registration);
  if (known !== undefined) return known;
  const ranges = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const text of [...registration.addresses, ...registration.transferFrom]) addRange(ranges, text);
  parsedRanges.set(registration, ranges);
  return ranges;
}

/** Adds an address or a range. What is neither lets nobody in; it should have been refused when it was registered. */
function addRange(ranges: Ranges, text: string): void {
  const [host = '', bits = ''] = text.split('/', 2);
  const version = isIP(host);
  if (version === 0) return;
  const longest = version === 6 ? 128 : 32;
  const prefix = text.includes('/') ? (/^\d{1,3}$/.test(bits) ? Number(bits) : Infinity) : longest;
  if (prefix > longest) return;
  if (version === 4) ranges.ipv4.addSubnet(host, prefix, 'ipv4');
  else {
    ranges.ipv6.addSubnet(host, prefix, 'ipv6');
    // IPv4 as mapped into IPv6 is IPv4
    if (prefix >= MAPPED_PREFIX) ranges.ipv4.addSubnet(host, prefix, 'ipv6');
  }
}

/** Bits before the address in an IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2). */
const MAPPED_PREFIX = 96;

function sameKey(a: TsigKey, b: TsigKey): boolean {
  return a.algorithm === b.algorithm && equalNames(a.name, b.name);
}

function namesOf(registrations: readonly Registration[]): string {
  return registrations.map((registration) => registration.name).join(', ');
}

function refuse(reason: Refusal['reason'], detail: string): Access {
  return { kind: 'refused', refusal: { reason, detail } };
}
