import type { AliasPolicy } from '../alias/policy.ts';
import { withoutRefused } from '../alias/publishable.ts';
import type { FamilyAnswer, TargetAnswer } from '../record.ts';
import type { Found, OwnAddresses } from './lookup.ts';

/** Links of one way, at most; as along the CNAMEs of a resolver's answer. */
export const MOST_LINKS = 16;

/** A name of a zone of ours that was read; with `under` also what stands below it. */
export interface Reading {
  zoneId: string;
  name: string;
  under: boolean;
}

/** Where a target leads, as far as our own zones say. */
export interface Way {
  /** The names on it, the target first; the last has the addresses, or is the first that is not ours to answer. */
  path: string[];
  /** Seconds: the lowest TTL of its links. */
  ttl: number;
  end:
    | { kind: 'addresses'; a: OwnAddresses | undefined; aaaa: OwnAddresses | undefined }
    /** Goes on at a name that resolvers have to be asked for. */
    | { kind: 'outside'; target: string }
    | { kind: 'none'; detail: string }
    | { kind: 'failed'; detail: string };
  readings: Reading[];
}

/** A way under construction. */
export interface Walk {
  path: string[];
  ttl: number;
  end?: Way['end'];
  readings: Map<string, Reading>;
}

const LONGEST_TTL = 2_147_483_647; // RFC 2181, section 8

/** Begins a way. `past`: names that lead to its first, in their order; coming back to one of them is a loop. */
export function startWalk(target: string, past: readonly string[] = []): Walk {
  return { path: [...past, target], ttl: LONGEST_TTL, readings: new Map() };
}

/** Goes one step on with what was found at the last name of the walk. */
export function step(walk: Walk, found: Exclude<Found, { kind: 'unsure' }>): void {
  const here = walk.path.at(-1) ?? '';
  switch (found.kind) {
    case 'addresses':
      walk.end = found;
      return;
    case 'delegated':
      walk.end = { kind: 'outside', target: here };
      return;
    case 'none':
      walk.end = { kind: 'none', detail: `${here} has no addresses: ${found.detail}` };
      return;
    case 'failed':
      walk.end = found;
      return;
    case 'link': {
      walk.ttl = Math.min(walk.ttl, found.ttl);
      const isLoop = walk.path.includes(found.to);
      walk.path.push(found.to);
      if (isLoop) walk.end = { kind: 'failed', detail: loopText(walk.path) };
      else if (walk.path.length > MOST_LINKS + 1)
        walk.end = {
          kind: 'failed',
          detail: `more than ${MOST_LINKS} links: ${walk.path.join(' -> ')}`,
        };
    }
  }
}

/** A loop with its full path, `a.example. -> b.example. -> a.example.`. */
export function loopText(path: readonly string[]): string {
  return `loop: ${path.join(' -> ')}`;
}

/**
 * A way as seen from the ALIAS at `owner`: one that comes back to it is a loop that begins there, whatever lies behind.
 */
export function wayFrom(owner: string, way: Way): Way {
  const back = way.path.indexOf(owner);
  const isLoop = way.end.kind === 'failed' && way.end.detail === loopText(way.path);
  if (back >= 0) {
    const path = way.path.slice(0, back + 1);
    return { ...way, path, end: { kind: 'failed', detail: loopText([owner, ...path]) } };
  }
  return isLoop ? { ...way, end: { kind: 'failed', detail: loopText([owner, ...way.path]) } } : way;
}

/** What a way within our zones answers. Addresses that must not be published are left out; where none is left it is a failure. */
export function addressesOf(
  { end, ttl, path }: Way,
  policy: AliasPolicy,
): { a: OwnAddresses; aaaa: OwnAddresses } | { problem: string } {
  if (end.kind === 'failed') return { problem: end.detail };
  const nothing = { addresses: [], ttl };
  if (end.kind !== 'addresses') return { a: nothing, aaaa: nothing };
  const problems: string[] = [];
  const [a, aaaa] = [end.a, end.aaaa].map((set) => {
    if (!set) return nothing;
    const lowest = Math.min(ttl, set.ttl);
    const kept = withoutRefused({ kind: 'found', addresses: set.addresses, ttl: lowest }, policy);
    if (kept.kind === 'failed') problems.push(kept.detail);
    return kept.kind === 'found' ? { addresses: kept.addresses, ttl: lowest } : nothing;
  });
  if (problems.length > 0) return { problem: `${path.at(-1)}: ${problems.join('; ')}` };
  return { a: a ?? nothing, aaaa: aaaa ?? nothing };
}

/** What a target elsewhere is known to answer, at the end of a way that leads there. */
export function cappedAnswer(answer: TargetAnswer | undefined, ttl: number): TargetAnswer | undefined {
  const capped = (family: FamilyAnswer) => ({ ...family, ttl: Math.min(family.ttl, ttl) });
  return answer && { ...answer, a: capped(answer.a), aaaa: capped(answer.aaaa) };
}
