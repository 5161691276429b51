import type { AliasPolicy } from '../../zone/alias/policy.ts';
import { apexReason, guardSentence } from '../../zone/guard.ts';
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
  failingSince: Date | null;
  recheckAt: Date | null;
  /** True where what guards said of it stands; else nothing is left to be guarded. */
  guarded: boolean;
  withdrawnAt: Date | null;
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
  const common = { path, ttl, readings, options: alias.options, ...WELL };
  if (end.kind === 'outside')
    return { ...common, target: end.target, path: readings.length > 0 ? path : null };
  const found = addressesOf(way, options.policy);
  if ('problem' in found) return { ...common, target: null, ...failing(alias, found.problem, options) };
  if (found.a.addresses.length + found.aaaa.addresses.length > 0)
    return { ...common, target: null, answer: answered(found.a, found.aaaa) };
  return { ...common, target: null, ...denied(alias, path, end.kind === 'none' ? end.detail : '', options) };
}

type Loss = Partial<
  Pick<Following, 'deniedSince' | 'failingSince' | 'recheckAt' | 'guarded' | 'withdrawnAt' | 'answer'>
>;

const WELL = { deniedSince: null, failingSince: null, recheckAt: null, guarded: false, withdrawnAt: null };

/** A way that leads nowhere: what stands there stays, for as long as it takes or up to MAX_STALE. */
function failing(alias: AliasToFollow, problem: string, { policy, now }: FollowOptions): Loss {
  const { known, holds } = alias;
  const failingSince = known?.failingSince ?? new Date(now);
  const until = failingSince.getTime() + policy.maxStale;
  const stays = { failingSince, withdrawnAt: known?.withdrawnAt ?? null, answer: held(problem) };
  if (policy.maxStale === 0 || policy.onStale === 'keep') return stays;
  if (now < until) return { ...stays, recheckAt: new Date(until) };
  if (policy.onStale === 'fallback') return { ...stays, answer: held(problem, true) };
  if (!holds) return stays;
  const why = `${problem}; no answer for MAX_STALE`;
  return { failingSince, ...losing(alias, until, why, now, now >= until && known?.failingSince != null) };
}

/** A name without addresses: those of before stay for a while, as when a resolver says so. */
function denied(
  alias: AliasToFollow,
  path: readonly string[],
  detail: string,
  { policy, now }: FollowOptions,
): Loss {
  const { known, holds } = alias;
  if (!holds) return { withdrawnAt: known?.withdrawnAt ?? null, answer: NOTHING };
  const isSame = known?.path?.join() === path.join();
  const deniedSince = (isSame && known?.deniedSince) || new Date(now);
  if (policy.emptyTarget === 'hold') return { deniedSince, answer: held(`${detail} (EMPTY_TARGET=hold)`) };
  const until = deniedSince.getTime() + policy.negativeHold;
  return { deniedSince, ...losing(alias, until, `${detail} (NEGATIVE_HOLD)`, now, isSame) };
}

/** The time for the last addresses to go comes: they do when guards let them, who judge all that is due at once (see recheck.ts). */
function losing(
  { known, owner }: AliasToFollow,
  until: number,
  why: string,
  now: number,
  wasJudged: boolean,
): Loss {
  const guard = wasJudged ? (known?.guard ?? null) : null;
  if (guard === 'forced' || (guard === 'released' && until <= now))
    return {
      deniedSince: null,
      withdrawnAt: guard === 'released' ? new Date(now) : null,
      answer: NOTHING,
    };
  const judgedAgain = guard === 'empty' ? (known?.recheckAt?.getTime() ?? 0) : 0;
  return {
    recheckAt: guard === 'apex' ? null : new Date(Math.max(until, judgedAgain)),
    guarded: guard !== null,
    answer: held(guardText(guard, known?.guardNumbers ?? null, owner) ?? why),
  };
}

function guardText(
  guard: KnownAlias['guard'],
  numbers: readonly number[] | null,
  owner: string,
): string | undefined {
  if (guard === 'apex') return apexReason(owner);
  if (guard !== 'empty') return undefined;
  const [concerned = 0, total = 0, limit = 0] = numbers ?? [];
  return guardSentence({ guard, concerned, total, limit });
}

function held(reason: string, stale = false): TargetAnswer {
  const nothing = { addresses: [], exact: [], ttl: 1, stale };
  return { answered: false, held: reason, a: nothing, aaaa: nothing };
}

function answered(
  a: { addresses: string[]; ttl: number },
  aaaa: { addresses: string[]; ttl: number },
): TargetAnswer {
  const family = ({ addresses, ttl }: typeof a) => ({ addresses, exact: addresses, ttl, stale: false });
  return { answered: true, a: family(a), aaaa: family(aaaa) };
}

const NOTHING = answered({ addresses: [], ttl: 1 }, { addresses: [], ttl: 1 });
