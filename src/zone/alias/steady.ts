import type { Evidence } from './evidence.ts';
import type { AliasPolicy } from './policy.ts';
import type { Seen, TargetLook } from './seen.ts';
import type { FamilyState, TargetState } from './state.ts';

/** A TTL seen above the known one by no more than this is near-equal, and one above its half proves nothing (see ttl.ts). */
const NEAR = 1.1;
const NO_LIMIT = 0x7fffffff;

/**
 * What a look has to come to so that it changes nothing of a target but times: the same answer of the same resolver for both families,
 * with a TTL that proves nothing. Undefined where every look is to be decided on: after a failure, while a denial is not confirmed,
 * while a TTL is in doubt, and for rotating targets.
 */
export function steadyKey(state: TargetState, policy: AliasPolicy): string | undefined {
  if (state.failures > 0 || !state.answered || state.deniedSince !== undefined) return undefined;
  const a = known('A', state.a, state.evidence);
  const aaaa = known('AAAA', state.aaaa, state.evidence);
  return a && aaaa && [settingsIn(policy), ttls(state.a), ttls(state.aaaa), a, aaaa].join(' ');
}

/** Whether a look came to that. */
export function isSteady(key: string, { a, aaaa }: TargetLook, policy: AliasPolicy): boolean {
  if (!a || !aaaa) return false;
  const [settings, ttlsOfA, ttlsOfAaaa, ...answers] = key.split(' ');
  return (
    settings === settingsIn(policy) &&
    isWithin(ttlsOfA, a) &&
    isWithin(ttlsOfAaaa, aaaa) &&
    answers[0] === answerIn(a) &&
    answers[1] === answerIn(aaaa)
  );
}

/** What a key says of the two answers. */
export interface Expectation {
  a: ExpectedAnswer;
  aaaa: ExpectedAnswer;
}

export interface ExpectedAnswer {
  /** As `plainAnswer` has it, where it is so plain. */
  text: string;
  lowestTtl: number;
  highestTtl: number;
}

/** What a look is expected to come to; undefined where it is to be decided on, whatever that is. */
export function expectation(key: string, policy: AliasPolicy): Expectation | undefined {
  const [settings, ttlsOfA, ttlsOfAaaa, a, aaaa] = key.split(' ');
  if (settings !== settingsIn(policy) || !ttlsOfA || !ttlsOfAaaa || !a || !aaaa) return undefined;
  return { a: expected(a, ttlsOfA), aaaa: expected(aaaa, ttlsOfAaaa) };
}

function expected(text: string, range: string): ExpectedAnswer {
  const dash = range.indexOf('-');
  return { text, lowestTtl: Number(range.slice(0, dash)), highestTtl: Number(range.slice(dash + 1)) };
}

/** What a key says of an answer that was nothing but addresses: sorted, and joined by commas. */
export function plainAnswer(resolver: string, addresses: string, authentic: boolean): string {
  return `found|${resolver}|${addresses}||${authentic ? 'authentic' : ''}`;
}

/** The same answer as a look has it, where it has the expected text. */
export function seenAsExpected({ text }: ExpectedAnswer, ttl: number): Seen {
  const [, resolver = '', addresses = '', , authentic] = text.split('|');
  return {
    kind: 'found',
    addresses: addresses.split(','),
    ttl,
    resolver,
    chain: [],
    authentic: authentic === 'authentic',
  };
}

/** The state as so many steady looks leave it, the last of them at `lookedAt`. */
export function afterSteady(state: TargetState, looks: number, lookedAt: number): TargetState {
  if (looks === 0) return state;
  const after = (family: FamilyState): FamilyState => ({
    ...family,
    at: lookedAt,
    goodAt: lookedAt,
    // no later than this, which makes the proofs about TTLs weaker and never wrong
    ...(family.last === 'found' ? { expiresAt: lookedAt + family.ttl * NEAR * 1000 } : {}),
  });
  const last = new Set([latest('A', state.evidence), latest('AAAA', state.evidence)]);
  const evidence = state.evidence.map((entry) =>
    last.has(entry) ? { ...entry, to: lookedAt, looks: entry.looks + looks } : entry,
  );
  return { ...state, a: after(state.a), aaaa: after(state.aaaa), evidence };
}

/** What is known of a family, as `answerIn` says it of a look. */
function known(
  family: Evidence['family'],
  state: FamilyState,
  evidence: readonly Evidence[],
): string | undefined {
  const entry = latest(family, evidence);
  if (!entry || entry.outcome !== state.last || entry.detail || state.stale) return undefined;
  if (state.last === 'found') {
    if (state.exact || state.rotation || state.offs > 0 || state.detail !== '') return undefined;
  } else if (!state.denial?.confirmed || state.addresses.length > 0) return undefined;
  return answer(entry.outcome, entry.resolver, state.addresses, entry.chain, entry.authentic);
}

function answerIn(seen: Seen): string | undefined {
  if (seen.kind === 'failed' || seen.leftOut || seen.extendedError) return undefined;
  const addresses = seen.kind === 'found' ? seen.addresses : [];
  return answer(seen.kind, seen.resolver, addresses, seen.chain, seen.authentic);
}

function answer(
  kind: Seen['kind'],
  resolver = '',
  addresses: readonly string[],
  chain: readonly string[] = [],
  authentic = false,
): string {
  // names may hold blanks
  const links = chain.map((link) => link.replaceAll(' ', '\\032'));
  return [kind, resolver, addresses.join(), links.join(), authentic ? 'authentic' : ''].join('|');
}

function latest(family: Evidence['family'], evidence: readonly Evidence[]): Evidence | undefined {
  return evidence.find((entry) => entry.family === family);
}

/** The TTLs that prove nothing. */
function ttls(family: FamilyState): string {
  if (family.last !== 'found') return `0-${NO_LIMIT}`;
  return `${Math.ceil(family.ttl / 2)}-${Math.floor(family.ttl * NEAR)}`;
}

function isWithin(range: string | undefined, seen: Seen): boolean {
  const [lowest, highest] = (range ?? '').split('-');
  const ttl = seen.kind === 'found' ? seen.ttl : 0;
  return ttl >= Number(lowest) && ttl <= Number(highest);
}

/** A look under other settings is to be decided on. */
function settingsIn({ publishPrivate, publishDocumentation }: AliasPolicy): string {
  return `${publishPrivate ? 1 : 0}${publishDocumentation ? 1 : 0}`;
}
