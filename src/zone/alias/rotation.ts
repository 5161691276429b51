import type { AliasPolicy } from './policy.ts';

/**
 * What is remembered of a family whose answers change. A set that differs from the one before begins it; a whole window of equal
 * answers ends it. Times in milliseconds since the epoch.
 */
export interface Rotation {
  /** Looks counted since it began. */
  look: number;
  /** When an address was last seen: in which look, and when. */
  seen: Record<string, [look: number, at: number]>;
  /** The last sets, the newest last. */
  recent: string[][];
  /** Looks that brought back an address that had gone. */
  returns: number;
  /** Looks in a row that differed from the one before, or did not, and since when they do not. */
  changes: number;
  same: number;
  sameSince: number;
  /** Whether this is a target that rotates: its answers are damped from then on. */
  recognised: boolean;
  /** When what is published last changed. */
  changedAt: number;
  /** Looks in a row that share nothing with what is published, and whether any of their addresses was known before. */
  strange: number;
  strangeKnown: boolean;
}

export interface Publication {
  addresses: string[];
  rotation?: Rotation | undefined;
}

/** Looks that have to bring back a gone address before a target counts as rotating: a service that fails over and back is none. */
const RETURNS = 3;
/** "Several looks in a row". */
const SEVERAL = 3;
/** Addresses remembered beside those of the last answer and those published. */
const REMEMBERED = 128;

/**
 * What aliases with `stable` answers publish after an answer: pure.
 *
 * - A target not known to rotate is published as found, at once.
 * - One that does keeps what is published while those addresses keep appearing. Those unseen for the whole window are replaced.
 * - Several looks in a row that share nothing with what is published, but addresses with one another, none of them known before, are
 *   a clean break: the target moved, and so do we, at once.
 * - Looks that share nothing with each other either are a large pool: one whole answer each time that the floor allows.
 *
 * @param published sorted, and so is `set`
 * @param force passes the damping
 */
export function stableSet(
  published: readonly string[],
  set: readonly string[],
  before: Rotation | undefined,
  policy: AliasPolicy,
  now: number,
  force: boolean,
): Publication {
  if (published.length === 0) return { addresses: [...set] };
  if (!before) {
    if (equal(published, set)) return { addresses: [...published] };
    return { addresses: [...set], rotation: begin(published, set, now) };
  }
  const rotation = counted(before, set, published, policy, now);
  if (hasEnded(rotation, policy, now)) return { addresses: [...set] };
  if (!rotation.recognised || force) return publish([...set], published, rotation, now);
  return publish(damped(published, set, rotation, policy, now), published, rotation, now);
}

function begin(published: readonly string[], set: readonly string[], now: number): Rotation {
  const seen: Rotation['seen'] = {};
  for (const address of published) seen[address] = [0, now];
  for (const address of set) seen[address] = [1, now];
  return {
    look: 1,
    seen,
    recent: [[...published], [...set]],
    returns: 0,
    changes: 1,
    same: 0,
    sameSince: now,
    recognised: false,
    changedAt: now,
    strange: 0,
    strangeKnown: false,
  };
}

/** The memory with one more look. */
function counted(
  before: Rotation,
  set: readonly string[],
  published: readonly string[],
  policy: AliasPolicy,
  now: number,
): Rotation {
  const last = before.recent.at(-1) ?? [];
  const changed = !equal(last, set);
  const look = before.look + 1;
  const broughtBack = set.some((address) => address in before.seen && !last.includes(address));
  const returns = before.returns + (changed && broughtBack ? 1 : 0);
  const changes = changed ? before.changes + 1 : 0;
  const isStrange = !overlap(published, set);
  const strange = isStrange ? before.strange + 1 : 0;
  const since = look - strange;
  const known = set.some((address) => (before.seen[address]?.[0] ?? look) <= since);
  const seen = { ...before.seen };
  for (const address of set) seen[address] = [look, now];
  return {
    look,
    seen: bounded(seen, published),
    recent: [...before.recent, [...set]].slice(-SEVERAL),
    returns,
    changes,
    same: changed ? 0 : before.same + 1,
    sameSince: changed ? now : before.sameSince,
    recognised: before.recognised || returns >= RETURNS || changes >= policy.rotationLooks,
    changedAt: before.changedAt,
    strange,
    strangeKnown: isStrange && (known || (before.strange > 0 && before.strangeKnown)),
  };
}

/** A whole window of equal answers: it rotates no more. */
function hasEnded(rotation: Rotation, policy: AliasPolicy, now: number): boolean {
  return rotation.same >= policy.rotationLooks && now - rotation.sameSince >= policy.rotationWindow;
}

function damped(
  published: readonly string[],
  set: readonly string[],
  rotation: Rotation,
  policy: AliasPolicy,
  now: number,
): string[] {
  const kept = published.filter((address) => !isGone(address, rotation, policy, now));
  if (isCleanBreak(rotation)) return [...set];
  if (now - rotation.changedAt < policy.rotationFloor) return [...published];
  if (kept.length === 0 || isLargePool(rotation)) return [...set];
  // in the middle of looks that share nothing with what is published nothing is mixed with it
  if (kept.length === published.length || rotation.strange > 0) return [...published];
  const fresh = set.filter((address) => !published.includes(address));
  return [...kept, ...fresh.slice(0, Math.max(0, set.length - kept.length))].sort();
}

/** Unseen for so many looks and for so long. */
function isGone(address: string, rotation: Rotation, policy: AliasPolicy, now: number): boolean {
  const [look, at] = rotation.seen[address] ?? [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return rotation.look - look >= policy.rotationLooks && now - at >= policy.rotationWindow;
}

/** Of the last looks most share addresses with one another, none with what is published, and all are new. */
function isCleanBreak({ strange, strangeKnown, recent }: Rotation): boolean {
  return strange >= SEVERAL && !strangeKnown && pairsSharing(recent) >= 2;
}

function isLargePool({ strange, recent }: Rotation): boolean {
  return strange >= SEVERAL && pairsSharing(recent) === 0;
}

function pairsSharing(sets: readonly string[][]): number {
  let pairs = 0;
  sets.forEach((set, index) => {
    for (const other of sets.slice(index + 1)) if (overlap(set, other)) pairs++;
  });
  return pairs;
}

function publish(
  addresses: string[],
  published: readonly string[],
  rotation: Rotation,
  now: number,
): Publication {
  if (equal(addresses, published)) return { addresses: [...published], rotation };
  const isStrange = rotation.strange > 0 && !overlap(addresses, rotation.recent.at(-1) ?? []);
  return {
    addresses,
    rotation: {
      ...rotation,
      changedAt: now,
      strange: isStrange ? rotation.strange : 0,
      strangeKnown: isStrange && rotation.strangeKnown,
    },
  };
}

/** Forgets those longest unseen where there are many. */
function bounded(seen: Rotation['seen'], published: readonly string[]): Rotation['seen'] {
  const addresses = Object.keys(seen);
  if (addresses.length <= REMEMBERED) return seen;
  const keep = new Set(published);
  const byAge = addresses
    .filter((address) => !keep.has(address))
    .sort((a, b) => (seen[b]?.[0] ?? 0) - (seen[a]?.[0] ?? 0));
  const newest = seen[byAge[0] ?? '']?.[0];
  const left = byAge.filter((address, index) => index < REMEMBERED || seen[address]?.[0] === newest);
  return Object.fromEntries(
    [...published, ...left].flatMap((address) => {
      const when = seen[address];
      return when ? [[address, when]] : [];
    }),
  );
}

function overlap(a: readonly string[], b: readonly string[]): boolean {
  return a.some((address) => b.includes(address));
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((address, index) => address === b[index]);
}
