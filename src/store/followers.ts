import { type Change, newChange } from '../trace.ts';
import type { Decision } from '../zone/alias/decide.ts';
import { aliasCause } from '../zone/cause.ts';
import type { Client } from './pool.ts';

/** On whose behalf a target was looked at. */
export interface Asker {
  /** The job, as the journal names it. */
  job?: string | undefined;
  /** What its answer is followed by. */
  change?: Change | undefined;
}

/**
 * Marks the names that changed answers concern; gives how many targets have such. A decision whose change concerns nobody, as no alias
 * wants what changed, is one without a change.
 */
export async function markFollowers(
  client: Client,
  decisions: Map<string, Decision>,
  askers: ReadonlyMap<string, Asker>,
): Promise<number> {
  const changed = [...decisions].filter(([, decision]) => decision.changed);
  if (changed.length === 0) return 0;
  const marked = new Set<string>();
  // the planner knows how many follow a target on average: where most follow one, it would read all aliases for the ten of another,
  // so each target is looked up by itself, in the index
  await client.query('set local enable_seqscan = off');
  for (const { which, concerns } of FOLLOWERS) {
    const concerned = changed.filter(([, decision]) => concerns(decision.changedFor));
    if (concerned.length === 0) continue;
    const { rows } = await client.query<{ target: string }>({
      name: `mark followers, ${which}`,
      text: `with changed as (select * from unnest($1::text[], $2::jsonb[], $3::text[]) as c (target, cause, change)), marked as (
          insert into zone_marks (zone_id, owner, cause, change)
          select a.zone_id, a.owner, c.cause, c.change from changed c
          cross join lateral (select * from aliases where target = c.target collate "C" and ${which} offset 0) as a)
        select target from changed c
        cross join lateral (select from aliases where target = c.target collate "C" and ${which} limit 1) as any_of_them`,
      values: [
        concerned.map(([name]) => name),
        concerned.map(([name, { state, forced }]) =>
          JSON.stringify(aliasCause(name, state.evidence, askers.get(name)?.job, forced)),
        ),
        concerned.map(([name]) => askers.get(name)?.change ?? newChange()),
      ],
    });
    for (const { target } of rows) marked.add(target);
  }
  for (const [name, decision] of changed)
    if (!marked.has(name)) decisions.set(name, { ...decision, changed: false });
  return marked.size;
}

/** Of a rotating target's many followers a look often concerns few: those are found by indexes of their own. */
const FOLLOWERS: readonly { which: string; concerns(changed: Decision['changedFor']): boolean }[] = [
  { which: 'true', concerns: ({ stable, exact }) => stable && exact },
  { which: `answers = 'stable'`, concerns: ({ stable, exact }) => stable && !exact },
  { which: `answers = 'exact'`, concerns: ({ stable, exact }) => exact && !stable },
  { which: 'has_fallback', concerns: ({ stable, exact, fallback }) => fallback && !(stable && exact) },
];
