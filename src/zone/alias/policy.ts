/** How targets are looked at and when answers count. All times in milliseconds. */
export interface AliasPolicy {
  refreshMin: number;
  refreshMax: number;
  retryMin: number;
  retryMax: number;
  /** How long the last known addresses outlive "no such name / no data" of both families. */
  negativeHold: number;
}

/** What one question to a resolver came to. TTLs in seconds. */
export type Seen =
  | { kind: 'found'; addresses: string[]; ttl: number }
  | { kind: 'nodata' | 'nxdomain' }
  | { kind: 'failed'; reason: string; detail: string };

/** What is known of one family of a target. */
export interface FamilyState {
  /** Published now; empty where the family was never found or is withdrawn. */
  addresses: string[];
  /** The published TTL, in seconds. */
  ttl: number;
  /** False while the TTL may still be a cut from the middle of a cache's countdown: the first longer one is taken at once. */
  settled: boolean;
  /** Looks in a row that proved a TTL more than a factor of two away, and the highest that they saw. */
  offs: number;
  offHighest: number;
  /** When the answer seen last runs out in the cache that gave it. */
  expiresAt: number;
  /** Negative answers in a row. */
  negatives: number;
  /** When this family was last asked, and what came of it, in a word and in words. */
  at: number;
  last: Seen['kind'] | 'never';
  detail: string;
}

/** What is known of a target. */
export interface TargetState {
  a: FamilyState;
  aaaa: FamilyState;
  /** True once an answer counts; until then an ALIAS keeps what stood at its name before. */
  answered: boolean;
  /** Failed or negative looks in a row. */
  failures: number;
  /** Since when both families are denied; undefined while one is not. */
  deniedSince: number | undefined;
}

export function unknownFamily(): FamilyState {
  return {
    addresses: [],
    ttl: 0,
    settled: false,
    offs: 0,
    offHighest: 0,
    expiresAt: 0,
    negatives: 0,
    at: 0,
    last: 'never',
    detail: '',
  };
}

export function unknownTarget(): TargetState {
  return { a: unknownFamily(), aaaa: unknownFamily(), answered: false, failures: 0, deniedSince: undefined };
}
