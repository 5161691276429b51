import { equalNames, formatName } from '../dns/name.ts';
import type { TsigKey } from '../dns/tsig.ts';
import { plainAddress } from './address-set.ts';
import type { Refusal } from './refusal.ts';
import { registeredAt } from './registered.ts';
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
  const here = registeredAt(registrations, address);
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
    const matching = registeredAt(registrations, address).filter(isWithoutKey);
    if (this.#matching.size >= MOST_ADDRESSES) this.#matching.clear();
    this.#matching.set(address, matching);
    return matching;
  }
}

const MOST_ADDRESSES = 10_000;

function isWithoutKey({ keys, locked }: Registration): boolean {
  return keys.length === 0 && locked !== true;
}

function mayHave(registration: Registration, zone: string, isCatalog: boolean): boolean {
  return isCatalog
    ? registration.catalog === zone
    : registration.zones === 'all' || registration.zones.has(zone);
}

function sameKey(a: TsigKey, b: TsigKey): boolean {
  return a.algorithm === b.algorithm && equalNames(a.name, b.name);
}

function namesOf(registrations: readonly Registration[]): string {
  return registrations.map((registration) => registration.name).join(', ');
}

function refuse(reason: Refusal['reason'], detail: string): Access {
  return { kind: 'refused', refusal: { reason, detail } };
}
