import { absoluteName } from '../dns/name.ts';
import { isNewer } from '../dns/serial.ts';
import type { PublishedZone } from '../zone/version.ts';

/**
 * A published version in memory, in few octets: there is one for each zone. It is never changed but for `isCurrent`, so that whoever made
 * something of it can see whether it is still good.
 */
export class KnownVersion {
  readonly zoneId: string;
  readonly name: string;
  readonly soaTtl: number;
  /** Whether `KnownVersions` gives this one as current. */
  isCurrent = false;
  /** The id of the change, where it is known, and the SOA: a string of octets takes a tenth of a Buffer's memory. */
  readonly #octets: string;
  readonly #soaAt: number;

  constructor(zoneId: string, name: string, soa: Buffer, soaTtl: number, change?: Buffer | null) {
    this.zoneId = zoneId;
    this.name = name;
    this.soaTtl = soaTtl;
    this.#soaAt = change?.length ?? 0;
    this.#octets = (change ? Buffer.concat([change, soa]) : soa).toString('latin1');
  }

  get serial(): number {
    return this.#number(20);
  }

  get expire(): number {
    return this.#number(8);
  }

  get change(): string | undefined {
    return this.#soaAt === 0
      ? undefined
      : Buffer.from(this.#octets.slice(0, this.#soaAt), 'latin1').toString('hex');
  }

  /** Written out. */
  zone(): PublishedZone {
    return {
      zoneId: this.zoneId,
      name: this.name,
      nameWire: absoluteName(this.name),
      serial: this.serial,
      soa: Buffer.from(this.#octets.slice(this.#soaAt), 'latin1'),
      soaTtl: this.soaTtl,
      expire: this.expire,
      change: this.change,
    };
  }

  /** One of the SOA's last fields (RFC 1035, 3.3.13), that many octets before its end. */
  #number(before: number): number {
    const octets = this.#octets;
    let value = 0;
    for (let at = octets.length - before, end = at + 4; at < end; at++)
      value = value * 256 + octets.charCodeAt(at);
    return value;
  }
}

interface Reading {
  changed: Set<string>;
}

/**
 * The versions of zones that are known. What is *current* holds everything that the last round of the lease has read; older things are
 * kept for the time that PostgreSQL is away.
 */
export class KnownVersions {
  readonly #most: number;
  #current = new Map<string, KnownVersion>();
  #older = new Map<string, KnownVersion>();
  /** Reads under way, each with the zones that changed since it began. */
  readonly #readings = new Set<Reading>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#current.size + this.#older.size;
  }

  /** The version of a zone that is current; undefined where PostgreSQL has to be asked. */
  get(zone: string): KnownVersion | undefined {
    return this.#current.get(zone);
  }

  /** The last version that was known at all. */
  last(zone: string): KnownVersion | undefined {
    return this.#current.get(zone) ?? this.#older.get(zone);
  }

  /** A change that a round of the lease has read; undefined: the zone is gone. A newer version that was read elsewhere meanwhile stays. */
  change(zone: string, version: KnownVersion | undefined): void {
    for (const reading of this.#readings) reading.changed.add(zone);
    if (version === undefined) {
      this.#drop(zone);
      this.#older.delete(zone);
    } else if (!isStep(version, this.#current.get(zone))) this.#put(zone, version);
  }

  /** Nothing is current any more. */
  startAnew(): void {
    for (const [zone, version] of this.#current) {
      version.isCurrent = false;
      this.#older.set(zone, version);
    }
    this.#current = new Map();
    this.#readings.clear();
  }

  /** To be called when every zone is current: what is left is gone. */
  forgetOlder(): void {
    this.#older.clear();
  }

  /**
   * To be called before zones are read outside of the rounds; gives what takes them in afterwards. Of a zone that changed meanwhile only a
   * newer version is taken: what was read may be from before the change. Nothing newer is passed over, as it may be answered with already.
   */
  reading(): { take(zone: string, version: KnownVersion | undefined): void; end(): void } {
    const reading: Reading = { changed: new Set() };
    this.#readings.add(reading);
    return {
      take: (zone, version) => {
        const isValid = this.#readings.has(reading);
        const current = this.#current.get(zone);
        const isAnother = current === undefined || current.zoneId !== version?.zoneId;
        if (isValid && !reading.changed.has(zone) && isAnother) {
          if (version !== undefined) this.#put(zone, version);
          else this.#older.delete(zone);
        } else if (version !== undefined && isStep(this.last(zone), version)) {
          if (isValid) this.#put(zone, version);
          else if (current === undefined) this.#older.set(zone, version);
        }
      },
      end: () => this.#readings.delete(reading),
    };
  }

  /** The zone used least lately makes room where there are too many. */
  #put(zone: string, version: KnownVersion): void {
    this.#older.delete(zone);
    this.#drop(zone);
    version.isCurrent = true;
    this.#current.set(zone, version);
    if (this.size <= this.#most) return;
    const first = (this.#older.size > 0 ? this.#older : this.#current).keys().next();
    if (first.done || this.#older.delete(first.value)) return;
    this.#drop(first.value);
  }

  #drop(zone: string): void {
    const version = this.#current.get(zone);
    if (version === undefined) return;
    version.isCurrent = false;
    this.#current.delete(zone);
  }
}

/** Whether `to` is a newer version of the same zone: one that was made again by that name is another. */
function isStep(from: KnownVersion | undefined, to: KnownVersion | undefined): boolean {
  return (
    from !== undefined && to !== undefined && from.zoneId === to.zoneId && isNewer(to.serial, from.serial)
  );
}
