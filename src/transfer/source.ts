/**
 * What the transfer server is handed: the zones it may serve and who may have them. The store implements both;
 * nothing in this room asks a database itself.
 */
import type { TsigKey } from '../dns/tsig.ts';
import type { CurrentZone, JournalStep, OpenVersion, PublishedZone } from '../zone/version.ts';

/** A published version in memory. */
export interface KnownVersion {
  readonly zoneId: string;
  /** The canonical text of the zone's name. */
  readonly name: string;
  readonly serial: number;
  /** Seconds, as in the SOA. */
  readonly expire: number;
  /** Whether this is the newest that is known of its zone, and as new as all that is answered from memory. */
  readonly isCurrent: boolean;
  /** As in `PublishedZone`. */
  readonly change: string | undefined;
  /** Written out. */
  zone(): PublishedZone;
}

export interface VersionSource {
  /**
   * To be called, and waited for where it gives a promise, before a request is answered, access included: what `current` and the
   * registry say right afterwards is never older than a serial already notified.
   */
  fresh?(): Promise<void> | undefined;
  /** Whether what `known` gives, and the registry, may be answered with now. */
  mayAnswer?(): boolean;
  /** What is in memory of a zone where that may be answered with now; undefined: ask `fresh` and `current`. */
  known?(zone: string): KnownVersion | undefined;
  /** The version to answer with after `fresh`. `zone` is the canonical text. */
  current(zone: string): Promise<CurrentZone>;
  /** The whole current version, consistent in itself; it may be newer than what `current` gave before. */
  open(zoneId: string): Promise<OpenVersion>;
  /** The connected chain of steps between two serials; undefined where it is gone or above `maxBytes` octets. */
  history(
    zoneId: string,
    from: number,
    to: number,
    maxBytes: number,
  ): Promise<readonly JournalStep[] | undefined>;
}

/** A secondary that an operator registered. */
export interface Registration {
  readonly secondaryId: string;
  readonly name: string;
  readonly addresses: readonly string[];
  /** Ranges in CIDR form, beside the addresses. */
  readonly transferFrom: readonly string[];
  readonly keys: readonly TsigKey[];
  /** It has keys, and the secret of none can be had: nobody signs as it, and nobody may ask as it without. */
  readonly locked?: boolean;
  /** The zones it may transfer, by canonical text. */
  readonly zones: 'all' | ReadonlySet<string>;
  /** Its catalog (RFC 9432), by canonical text: a zone for those alone that name it, whatever `zones` says. */
  readonly catalog?: string;
}

/** Who is registered now: answered from memory, as every packet asks. */
export interface Registry {
  /** Another list whenever anything in it is another. */
  registrations(): readonly Registration[];
  findKey(nameKey: string, algorithm: string): TsigKey | undefined;
}
