/** What one question to a resolver came to, and what it rests on. TTLs in seconds. */
export type Seen = Outcome & Witness;

type Outcome =
  | { kind: 'found'; addresses: string[]; ttl: number }
  /** `ttl`: how long the "no" may be kept, where the resolver said. */
  | { kind: 'nodata' | 'nxdomain'; ttl?: number | undefined }
  | { kind: 'failed'; reason: string; detail: string };

/** Who said it, and how; empty where nobody is known. */
export interface Witness {
  /** As it stands in RESOLVERS. */
  resolver?: string | undefined;
  /** The CNAMEs followed, in their order. */
  chain?: readonly string[] | undefined;
  /** Whether the resolver says that it validated all of it. */
  authentic?: boolean | undefined;
  /** What it said beyond the response code (RFC 8914). */
  extendedError?: string | undefined;
  /** Addresses that were left out of a set, each with its reason. */
  leftOut?: string | undefined;
}

/** One look at a target: what each family came to; undefined where it was not asked or is not in yet. */
export interface TargetLook {
  a?: Seen | undefined;
  aaaa?: Seen | undefined;
}
