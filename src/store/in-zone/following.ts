import type { AliasPolicy } from '../../zone/alias/policy.ts';
import { addressesOf, type Reading, type Way, wayFrom } from '../../zone/in-zone/way.ts';
import type { AliasOptions, TargetAnswer } from '../../zone/record.ts';
import type { Client } from '../pool.ts';
import type { KnownAlias } from '../publication/read.ts';
import { findWays } from './ways.ts';

/** What an ALIAS follows. */
export interface Following {
  /** What resolvers are asked for; null where the way ends within our zones. */
  target: string | null;
  /** Null where the target that was written is no name of ours. */
  path: string[] | null;
  deniedSince: Date | null;
  recheckAt: Date | null;
  readings: Reading[];
  /** Seconds that its TTL is at most, for the links on the way. */
  ttl: number;
  options: AliasOptions;
  /** What `records` answer, where resolvers are not asked. */
  answer?: TargetAnswer;
}

/** An ALIAS to be published: `holds` where its name publishes something that an ALIAS may keep. */
export interface AliasToFollow {
  recordId: string;
  owner: string;
  target: string;
  options: AliasOptions;
  known: KnownAlias | undefined;
  holds: boolean;
}

export interface FollowOptions {
  policy: AliasPolicy;
  /** Milliseconds since the epoch. */
  now: number;
}

/** Finds out what each of these follows, by the id of its record. */
export async function followAll(
  client: Client,
  aliases: readonly AliasToFollow[],
  options: FollowOptions,
): Promise<Map<string, Following>> {
  if (aliases.length === 0) return new Map();
  const ways = await findWays(client, [...new Set(aliases.map(({ target }) => target))]);
  return new Map(
    aliases.flatMap((alias) => {
      const way = ways.get(alias.target);
      return way ? [[alias.recordId, follow(alias, wayFrom(alias.owner, way), options)] as const] : [];
    }),
  );
}

function follow(alias: AliasToFollow, way: Way, options: FollowOptions): Following {
  const { path, ttl, readings, end } = way;
  const common = { path, ttl, readings, options: alias.options, deniedSince: null, recheckAt: null };
  if (end.kind === 'outside')
    return { ...common, target: end.target, path: readings.length > 0 ? path : null };
  const found = addressesOf(way, options.policy);
  if ('problem' in found) return { ...common, target: null, answer: held(found.problem) };
  if (found.a.addresses.length + found.aaaa.addresses.length > 0)
    return { ...common, target: null, answer: answered(found.a, found.aaaa) };
  return { ...common, target: null, ...denied(alias, path, end.kind === 'none' ? end.detail : '', options) };
}

/** A name without addresses: those of before stay for a while, as when a resolver says so. */
function denied(
  { known, holds }: AliasToFollow,
  path: readonly string[],
  detail: string,
  { policy, now }: FollowOptions,
): Pick<Following, 'deniedSince' | 'recheckAt' | 'answer'> {
  const nothing = answered({ addresses: [], ttl: 1 }, { addresses: [], ttl: 1 });
  if (!holds) return { deniedSince: null, recheckAt: null, answer: nothing };
  const isSame = known?.path?.join() === path.join();
  const deniedSince = (isSame && known?.deniedSince) || new Date(now);
  const until = deniedSince.getTime() + policy.negativeHold;
  if (policy.emptyTarget === 'hold')
    return { deniedSince, recheckAt: null, answer: held(`${detail} (EMPTY_TARGET=hold)`) };
  if (until <= now) return { deniedSince: null, recheckAt: null, answer: nothing };
  return { deniedSince, recheckAt: new Date(until), answer: held(`${detail} (NEGATIVE_HOLD)`) };
}

function held(reason: string): TargetAnswer {
  const nothing = { addresses: [], exact: [], ttl: 1, stale: false };
  return { answered: false, held: reason, a: nothing, aaaa: nothing };
}

function answered(
  a: { addresses: string[]; ttl: number },
  aaaa: { addresses: string[]; ttl: number },
): TargetAnswer {
  const family = ({ addresses, ttl }: typeof a) => ({ addresses, exact: addresses, ttl, stale: false });
  return { answered: true, a: family(a), aaaa: family(aaaa) };
}
