import type { TargetAnswer } from '../record.ts';
import type { Evidence } from './evidence.ts';
import type { Rotation } from './rotation.ts';
import type { Seen } from './seen.ts';

/** What is known of one family of a target. Times in milliseconds since the epoch. */
export interface FamilyState {
  /** Published now by aliases with `stable` answers; empty where the family was never found or is withdrawn. */
  addresses: string[];
  /** What those with `exact` answers publish, where that is another set. */
  exact?: string[] | undefined;
  /** The published TTL, in seconds. */
  ttl: number;
  /** False while the TTL may still be a cut from the middle of a cache's countdown: the first longer one is taken at once. */
  settled: boolean;
  /** Looks in a row that proved a TTL more than a factor of two away, and between what it must lie. */
  offs: number;
  offLowest: number;
  offHighest: number;
  /** Whether it was lowered by such proofs, and whether a longer one refuted them: caches behind one resolver may not agree. */
  lowered?: true | undefined;
  refuted?: true | undefined;
  /** When the answer seen last runs out in the cache that gave it. */
  expiresAt: number;
  /** The first of the denials in a row; failures between them don't count. */
  denial?: Denial | undefined;
  /** When this family was last asked, and what came of it, in a word and in words. */
  at: number;
  last: Seen['kind'] | 'never';
  detail: string;
  /** When a look last came to an answer, good or bad; before the first, when it was first asked. */
  goodAt: number;
  /** True where MAX_STALE has run out and fallback addresses are to stand in. */
  stale?: true | undefined;
  /** Why addresses were withdrawn, while they are. */
  withdrawn?: string | undefined;
  /** What is remembered of a target that answers with changing sets. */
  rotation?: Rotation | undefined;
}

/** "No such record" or "no such name", since when, who said it first, and until when that answer may come from a cache. */
export interface Denial {
  since: number;
  resolver: string;
  cachedUntil: number;
  /** True where an independent answer said so too. */
  confirmed: boolean;
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
  deniedSince?: number | undefined;
  /** What the last looks came to, newest first. */
  evidence: Evidence[];
  /** How many answers differed from the one before, and how many serials they cost a zone; undefined before the first. */
  damped?: { answers: number; serials: number } | undefined;
}

function unknownFamily(): FamilyState {
  return {
    addresses: [],
    ttl: 0,
    settled: false,
    offs: 0,
    offLowest: 0,
    offHighest: 0,
    expiresAt: 0,
    at: 0,
    last: 'never',
    detail: '',
    goodAt: 0,
  };
}

export function unknownTarget(): TargetState {
  return { a: unknownFamily(), aaaa: unknownFamily(), answered: false, failures: 0, evidence: [] };
}

/** A state as it was stored, by this version or an earlier one. */
export function readState(stored: object): TargetState {
  const { a, aaaa, ...rest } = stored as Partial<TargetState>;
  return {
    ...unknownTarget(),
    ...rest,
    a: { ...unknownFamily(), ...a },
    aaaa: { ...unknownFamily(), ...aaaa },
  };
}

/** What a target's state says to the aliases that follow it. */
export function answerOf(state: TargetState): TargetAnswer {
  return { answered: state.answered, a: familyAnswer(state.a), aaaa: familyAnswer(state.aaaa) };
}

function familyAnswer(family: FamilyState): TargetAnswer['a'] {
  return {
    addresses: family.addresses,
    exact: family.exact ?? family.addresses,
    ttl: family.ttl,
    stale: family.stale === true,
  };
}
