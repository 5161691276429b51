import type { Look } from '../resolve/outcome.ts';
import type { Seen } from '../zone/alias/seen.ts';

/** What a look says to the decision: its outcome, and what that rests on. */
export function seenOf({ outcome, resolver, chain, authentic, extendedError }: Look): Seen {
  const witness = { resolver, chain: chain.map((link) => link.name), authentic, extendedError };
  if (outcome.kind === 'found')
    return { ...witness, kind: 'found', addresses: outcome.addresses, ttl: outcome.ttl };
  if (outcome.kind === 'failed')
    return { ...witness, kind: 'failed', reason: outcome.reason, detail: outcome.detail };
  return { ...witness, kind: outcome.kind, ttl: outcome.ttl };
}
