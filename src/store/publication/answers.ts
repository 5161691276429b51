import { type Answers, type Desired, targetOf } from '../../zone/desired.ts';
import { cappedAnswer } from '../../zone/in-zone/way.ts';
import { USUAL_OPTIONS } from '../../zone/record.ts';
import { readOverrides } from '../guards/overrides.ts';
import type { AliasToFollow, Following } from '../in-zone/following.ts';
import type { Client } from '../pool.ts';
import { type KnownAlias, readAnswers, type ZonePublished, type ZoneSource } from './read.ts';
import { holdTargets } from './target-locks.ts';

/** The ALIAS records among these sources. Sources and published records are grouped by zone and name. */
export function aliasesOf(
  sources: ReadonlyMap<string, readonly ZoneSource[]>,
  published: ReadonlyMap<string, readonly ZonePublished[]>,
  known: ReadonlyMap<string, KnownAlias>,
): AliasToFollow[] {
  const aliases: AliasToFollow[] = [];
  for (const [name, rows] of sources) {
    for (const { id, type, owner, content, options } of rows) {
      if (type !== 'ALIAS') continue;
      const holds = published.get(name)?.some((record) => KEPT.has(record.type)) ?? false;
      aliases.push({
        recordId: id,
        owner,
        target: targetOf(content),
        options: options ?? USUAL_OPTIONS,
        known: known.get(id),
        holds,
      });
    }
  }
  return aliases;
}

/** What an ALIAS without an answer may keep. */
const KEPT = new Set(['A', 'AAAA', 'CNAME']);

/** What these ALIAS records are answered, and the targets that one of them follows from now on. */
export async function answersFor(
  client: Client,
  following: ReadonlyMap<string, Following>,
  known: ReadonlyMap<string, KnownAlias>,
): Promise<{ answers: Answers; followed: Set<string> }> {
  const targets = new Map<string, string>();
  const unseen = new Set<string>();
  for (const [recordId, now] of following) {
    if (now.target === null) continue;
    targets.set(recordId, now.target);
    if (!isFollowed(known.get(recordId), now)) unseen.add(now.target);
  }
  await holdTargets(client, [...unseen]);
  return { answers: cappedBy(following, await readAliasAnswers(client, targets)), followed: unseen };
}

/** What `records` answer, else what is known of the name where the way leaves our zones, by the TTLs of the way. */
export function cappedBy(following: ReadonlyMap<string, Following>, elsewhere: Answers): Answers {
  return (_target, recordId) => {
    const { answer, target, ttl } = following.get(recordId) ?? { target: null, ttl: 1 };
    return answer ?? (target === null ? undefined : cappedAnswer(elsewhere(target, recordId), ttl));
  };
}

/** What is known of the targets of these ALIAS records, by id, and what sets any of them apart. */
async function readAliasAnswers(client: Client, targets: ReadonlyMap<string, string>): Promise<Answers> {
  const { answers, guarded } = await readAnswers(client, [...new Set(targets.values())]);
  const overrides = await readOverrides(
    client,
    [...targets].flatMap(([recordId, target]) => (guarded.has(target) ? recordId : [])),
  );
  return (target, recordId) => {
    const override = overrides.get(recordId);
    return override?.target === target ? override.answer : answers.get(target);
  };
}

/** The ALIAS as `aliases` is to know it. */
export function knownAs(
  zoneId: string,
  owner: string,
  { recordId, options, held }: NonNullable<Desired['alias']>,
  following: ReadonlyMap<string, Following>,
  known: ReadonlyMap<string, KnownAlias>,
): KnownAlias {
  const now = following.get(recordId);
  if (!now) throw new Error(`nobody looked where the ALIAS ${recordId} at ${owner} leads`);
  const { target, path, deniedSince, failingSince, recheckAt, guarded, withdrawnAt } = now;
  const before = guarded ? known.get(recordId) : undefined;
  const { answers, fallback } = options;
  const hasFallback = fallback.length > 0;
  return {
    recordId,
    zoneId,
    owner,
    target,
    held: held ?? null,
    answers,
    hasFallback,
    path,
    deniedSince,
    failingSince,
    recheckAt,
    guard: before?.guard ?? null,
    guardNumbers: before?.guardNumbers ?? null,
    withdrawnAt,
  };
}

/** Whether answers of the target mark this ALIAS as it is now. */
function isFollowed(known: KnownAlias | undefined, { target, options }: Following): boolean {
  return (
    known?.target === target &&
    known.answers === options.answers &&
    known.hasFallback === options.fallback.length > 0
  );
}
