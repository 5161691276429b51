/**
 * What the transfer server is handed: the zones it may serve and who may have them. The store implements both;
 * nothing in this room asks a database itself.
 */
import type { TsigKey } from '../dns/tsig.ts';

/** The published version of a zone, without its records. */
export interface PublishedZone {
  readonly zoneId: string;
  /** The canonical text of its name. */
  readonly name: string;
  readonly nameWire: Buffer;
  readonly serial: number;
  /** The rdata of the published SOA. */
  readonly soa: Buffer;
  readonly soaTtl: number;
  /** Seconds, as in the SOA. */
  readonly expire: number;
}

/**
 * One published change: the two SOAs stand beside the records, not among them (RFC 1995, 4). The records are packed: in
 * wire form without compression, one behind the other.
 */
export interface JournalStep {
  readonly fromSerial: number;
  readonly toSerial: number;
  readonly oldSoa: Buffer;
  readonly oldSoaTtl: number;
  readonly newSoa: Buffer;
  readonly newSoaTtl: number;
  readonly deleted: Buffer;
  readonly added: Buffer;
}

/** A published version in memory: the same object as long as it is the one to answer with. */
export interface KnownVersion {
  readonly zoneId: string;
  zone(): PublishedZone;
}

/** `unpublished`: the zone is known, but has no version that can be served, or has expired. */
export type CurrentZone =
  | { readonly kind: 'zone'; readonly zone: PublishedZone }
  | { readonly kind: 'unpublished' }
  | { readonly kind: 'unknown' };

/**
 * One version of a zone, streamed in owner order as batches of packed records. A SOA among them is passed over: it is
 * in `zone`. What it holds in the store is freed when `batches` comes to its end, or its iterator is told to `return`
 * after a first batch; whoever opens a version takes at least one.
 */
export interface OpenVersion {
  readonly zone: PublishedZone;
  readonly batches: AsyncIterable<Buffer>;
}

export interface VersionSource {
  /**
   * To be called, and waited for where it gives a promise, before a request is answered, access included: what `current` and the
   * registry say right afterwards is never older than a serial already notified.
   */
  fresh?(): Promise<void> | undefined;
  /** What is in memory of a zone where that, and the registry, may be answered with now; undefined: ask `fresh` and `current`. */
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
