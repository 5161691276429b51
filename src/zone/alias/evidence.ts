import { cut } from '../../errors.ts';
import type { Seen, TargetLook } from './seen.ts';

/**
 * Looks in a row at one family that came to the same, from the same resolver: what an answer rests on. Times in milliseconds since
 * the epoch, TTLs in seconds.
 */
export interface Evidence {
  family: 'A' | 'AAAA';
  outcome: Seen['kind'];
  resolver?: string | undefined;
  /** When the first and the last of these looks ended, and how many they are. */
  from: number;
  to: number;
  looks: number;
  /** At most a few of the addresses, and how many there were. */
  addresses?: string[] | undefined;
  count?: number | undefined;
  /** The lowest and the highest TTL seen. */
  ttl?: [lowest: number, highest: number] | undefined;
  chain?: string[] | undefined;
  authentic?: true | undefined;
  /** Why it failed, what was left out, or what the resolver said beyond the response code. */
  detail?: string | undefined;
}

/** Entries kept of one family, addresses shown in one, characters of a detail. */
const ENTRIES = 10;
const SHOWN = 8;
const LONGEST = 200;

/** Adds a look to what is remembered, newest first: one that came to the same as the last of its resolver lengthens its row. */
export function remember(known: readonly Evidence[], look: TargetLook, now: number): Evidence[] {
  let all = [...known];
  if (look.aaaa) all = withLook(all, 'AAAA', look.aaaa, now);
  if (look.a) all = withLook(all, 'A', look.a, now);
  return all;
}

function withLook(known: Evidence[], family: Evidence['family'], seen: Seen, now: number): Evidence[] {
  const fresh = evidenceOf(family, seen, now);
  const index = known.findIndex((entry) => entry.family === family && entry.resolver === fresh.resolver);
  const last = known[index];
  if (last && isSame(last, fresh)) {
    const others = known.filter((entry) => entry !== last);
    return [{ ...fresh, from: last.from, looks: last.looks + 1, ttl: span(last.ttl, fresh.ttl) }, ...others];
  }
  let left = ENTRIES - 1;
  return [fresh, ...known.filter((entry) => entry.family !== family || left-- > 0)];
}

function evidenceOf(family: Evidence['family'], seen: Seen, now: number): Evidence {
  const failure = seen.kind === 'failed' ? `${seen.reason}: ${seen.detail}` : undefined;
  const detail = [failure, seen.leftOut, seen.extendedError].filter((part) => part).join('; ');
  return {
    family,
    outcome: seen.kind,
    from: now,
    to: now,
    looks: 1,
    ...(seen.resolver ? { resolver: seen.resolver } : {}),
    ...(seen.kind === 'found' ? foundIn(seen.addresses) : {}),
    ...(seen.kind !== 'failed' && seen.ttl !== undefined ? { ttl: [seen.ttl, seen.ttl] } : {}),
    ...(seen.chain?.length ? { chain: [...seen.chain] } : {}),
    ...(seen.authentic ? { authentic: true } : {}),
    ...(detail ? { detail: cut(detail, LONGEST) } : {}),
  };
}

function foundIn(addresses: readonly string[]): Pick<Evidence, 'addresses' | 'count'> {
  return { addresses: [...addresses].sort().slice(0, SHOWN), count: addresses.length };
}

function isSame(a: Evidence, b: Evidence): boolean {
  return (
    a.outcome === b.outcome &&
    a.count === b.count &&
    a.authentic === b.authentic &&
    a.detail === b.detail &&
    a.addresses?.join() === b.addresses?.join() &&
    a.chain?.join() === b.chain?.join()
  );
}

function span(a: Evidence['ttl'], b: Evidence['ttl']): Evidence['ttl'] {
  return a && b ? [Math.min(a[0], b[0]), Math.max(a[1], b[1])] : b;
}
