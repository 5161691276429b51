/** What a look at an ALIAS target can give: typed outcomes, never an exception for what upstreams do. */

/** The two address families; each is looked up by itself. */
export type Family = 'A' | 'AAAA';

/** Why a look failed. The last known addresses are kept on each of them. */
export type FailureReason =
  | 'servfail'
  | 'refused'
  | 'timeout'
  | 'bogus'
  | 'loop'
  | 'chain'
  | 'malformed'
  | 'unreachable';

export interface Failed {
  readonly kind: 'failed';
  readonly reason: FailureReason;
  /** One line for people. */
  readonly detail: string;
}

export interface Found {
  readonly kind: 'found';
  /** Canonical text, sorted, without duplicates, at least one. */
  readonly addresses: string[];
  /** Seconds: the smallest of the chain's CNAMEs and of the addresses themselves. */
  readonly ttl: number;
}

/** An authoritative "no": the name doesn't exist, or has no address of this family (RFC 2308, 2). */
export interface Negative {
  readonly kind: 'nodata' | 'nxdomain';
  /** Seconds that the "no" may be kept (RFC 2308, 5), where the upstream said. */
  readonly ttl?: number;
}

export type Outcome = Found | Negative | Failed;

/** One CNAME that was followed. */
export interface Link {
  /** Key of the name that it leads to. */
  readonly name: string;
  /** Seconds, as seen: a cache counts down. */
  readonly ttl: number;
}

/** What a look saw beside its outcome. */
export interface Evidence {
  /** The CNAMEs followed, in their order; empty when the target has the addresses itself. */
  readonly chain: readonly Link[];
  /** Seconds of the addresses alone, as seen, the chain apart; where they were found. */
  readonly addressTtl?: number;
  /** Whether the upstream says that it validated all of it (AD, RFC 4035, 3.2.3). */
  readonly authentic: boolean;
  /** What it said beyond the response code (RFC 8914), in one line. */
  readonly extendedError?: string;
}

export interface LookOptions {
  signal?: AbortSignal | undefined;
  /** The `resolver` of an earlier look: another one is asked first where there is one, for an answer independent of it. */
  avoid?: string | undefined;
}

/** A target of which is known what a look most likely comes to. It is told once of each family. */
export interface Confirmation {
  readonly target: string;
  /** What is expected of each family, as `plainAnswer` has it; undefined where it is nothing so plain. */
  readonly a: string | undefined;
  readonly aaaa: string | undefined;
  /** The answer is that, with this TTL in seconds. */
  confirmed(family: Family, ttl: number): void;
  /** It is not, or not so plainly. */
  unlike(family: Family, look: Promise<Look>): void;
}

/** Whoever can look up the addresses of a target. What goes wrong on the way is an outcome. */
export interface LooksUp {
  look(target: string, family: Family, options?: LookOptions): Promise<Look>;
  /** Looks once for the addresses of both families, at next to no cost where they are as expected. */
  confirm?(known: Confirmation, options?: LookOptions): void;
}

export interface Look extends Evidence {
  /** Key of the name that was asked for. */
  readonly target: string;
  readonly family: Family;
  readonly outcome: Outcome;
  /** As it stands in RESOLVERS, of the upstream that the outcome comes from. */
  readonly resolver: string;
  /** Milliseconds since the epoch: nothing was asked before. */
  readonly startedAt: number;
  /** Milliseconds from there to the outcome. */
  readonly ms: number;
}
