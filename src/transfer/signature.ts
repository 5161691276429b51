import { algorithmFromName, isTaken, type LegacyAlgorithm, type TsigFailure } from '../dns/tsig.ts';
import type { Refusal } from './refusal.ts';

/** What an operator is told of a signature that is not believed. `legacy`: the old algorithms that are taken. */
export function signatureRefusal(verdict: TsigFailure, legacy: readonly LegacyAlgorithm[]): Refusal {
  const algorithm = algorithmFromName(verdict.record.algorithm);
  if (verdict.kind !== 'badkey' || algorithm === undefined || isTaken(algorithm, legacy)) {
    return refusals[verdict.kind];
  }
  const detail = `tsig verify failure (BADKEY): ${algorithm} is off, TSIG_LEGACY=${algorithm} turns it on`;
  return { reason: 'bad-key', detail };
}

const refusals: Readonly<Record<TsigFailure['kind'], Refusal>> = {
  badkey: { reason: 'bad-key', detail: 'tsig verify failure (BADKEY): no such key with this algorithm' },
  badsig: { reason: 'bad-signature', detail: 'tsig verify failure (BADSIG): the secret is another one' },
  badtime: { reason: 'bad-time', detail: "tsig verify failure (BADTIME): the client's clock is off" },
  badtrunc: {
    reason: 'bad-truncation',
    detail: 'tsig verify failure (BADTRUNC): the MAC is cut, which this key does not allow (--min-mac)',
  },
  formerr: { reason: 'malformed', detail: 'tsig verify failure: no MAC can have this length' },
};
