/** Keys and algorithms of TSIG (RFC 8945, 6). */
import { nameKey, parseName } from '../name.ts';
import { tsigRecordLength } from './record.ts';

interface AlgorithmFacts {
  /** The name on the wire. */
  name: Buffer;
  /** Node's name of the hash. */
  hash: string;
  /** Octets of a full MAC. */
  size: number;
}

/** Every algorithm understood. The two legacy ones are for keys that say so by name. */
export const TSIG_ALGORITHMS = {
  'hmac-sha256': { name: parseName('hmac-sha256.'), hash: 'sha256', size: 32 },
  'hmac-sha224': { name: parseName('hmac-sha224.'), hash: 'sha224', size: 28 },
  'hmac-sha384': { name: parseName('hmac-sha384.'), hash: 'sha384', size: 48 },
  'hmac-sha512': { name: parseName('hmac-sha512.'), hash: 'sha512', size: 64 },
  'hmac-sha1': { name: parseName('hmac-sha1.'), hash: 'sha1', size: 20 },
  'hmac-md5': { name: parseName('hmac-md5.sig-alg.reg.int.'), hash: 'md5', size: 16 },
} as const satisfies Record<string, AlgorithmFacts>;

export type TsigAlgorithm = keyof typeof TSIG_ALGORITHMS;

/** Those that are for old peers alone, and off until asked for (RFC 8945, 6). */
export const LEGACY_ALGORITHMS = ['hmac-sha1', 'hmac-md5'] as const;
export type LegacyAlgorithm = (typeof LEGACY_ALGORITHMS)[number];

/** Whether an algorithm may be used, where of the legacy ones these are asked for. */
export function isTaken(algorithm: TsigAlgorithm, legacy: readonly LegacyAlgorithm[]): boolean {
  const known: readonly TsigAlgorithm[] = LEGACY_ALGORITHMS;
  return !known.includes(algorithm) || legacy.some((taken) => taken === algorithm);
}

export interface TsigKey {
  /** The key's name on the wire. */
  name: Buffer;
  algorithm: TsigAlgorithm;
  secret: Buffer;
  /** Octets of the shortest MAC that is taken from a peer; absent: only a full one (RFC 8945, 5.2.2.1). */
  shortestMac?: number;
}

/** The algorithm with this name on the wire, in any case. */
export function algorithmFromName(name: Buffer): TsigAlgorithm | undefined {
  return byName.get(nameKey(name));
}

/** The algorithm with this name in text, in any case, also as on the wire (`hmac-md5.sig-alg.reg.int`). */
export function algorithmFromText(text: string): TsigAlgorithm | undefined {
  const key = text.toLowerCase().replace(/\.$/, '');
  return Object.hasOwn(TSIG_ALGORITHMS, key) ? (key as TsigAlgorithm) : byName.get(`${key}.`);
}

/** Octets that a TSIG of this key adds to a message; with `otherLength` 6 for a BADTIME reply. */
export function tsigLength(key: TsigKey, otherLength = 0): number {
  const algorithm = TSIG_ALGORITHMS[key.algorithm];
  return tsigRecordLength({
    name: key.name,
    algorithm: algorithm.name,
    mac: { length: algorithm.size },
    other: { length: otherLength },
  });
}

const byName = new Map<string, TsigAlgorithm>(
  Object.entries(TSIG_ALGORITHMS).map(([text, facts]) => [nameKey(facts.name), text as TsigAlgorithm]),
);
