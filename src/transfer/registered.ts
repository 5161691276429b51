import { AddressSet, plainAddress } from './address-set.ts';
import type { Registration } from './source.ts';

/** Who is registered with this address, as a socket gives it, whatever their keys and zones. The list must not be changed. */
export function registeredAt(
  registrations: readonly Registration[],
  address: string,
): readonly Registration[] {
  let lookup = lookups.get(registrations);
  if (lookup === undefined) {
    lookup = new Lookup(registrations);
    lookups.set(registrations, lookup);
  }
  return lookup.at(address);
}

/** Of one list of registrations. Strangers, of whom there may be any number, are told by all addresses together. */
class Lookup {
  readonly #registrations: readonly Registration[];
  readonly #all: AddressSet;
  readonly #known = new Map<string, readonly Registration[]>();

  constructor(registrations: readonly Registration[]) {
    this.#registrations = registrations;
    this.#all = setOf(registrations);
  }

  at(address: string): readonly Registration[] {
    const plain = plainAddress(address);
    const known = this.#known.get(plain);
    if (known !== undefined) return known;
    const found = this.#all.has(plain)
      ? this.#registrations.filter((registration) => ownSet(registration).has(plain))
      : NOBODY;
    if (this.#known.size >= MOST_ADDRESSES) this.#known.clear();
    this.#known.set(plain, found);
    return found;
  }
}

function setOf(registrations: readonly Registration[]): AddressSet {
  const set = new AddressSet();
  for (const { addresses, transferFrom } of registrations)
    for (const text of [...addresses, ...transferFrom]) set.add(text);
  return set;
}

function ownSet(registration: Registration): AddressSet {
  let own = ownSets.get(registration);
  if (own === undefined) {
    own = setOf([registration]);
    ownSets.set(registration, own);
  }
  return own;
}

const lookups = new WeakMap<readonly Registration[], Lookup>();
const ownSets = new WeakMap<Registration, AddressSet>();
const NOBODY: readonly Registration[] = [];
const MOST_ADDRESSES = 10_000;
