import type { Pool } from './pool.ts';

/** Until what was given back is looked at again: what can't be written for another reason than an outage must not be looked at without end. */
const REST = '3 seconds';

/**
 * Makes taken targets, and packs by their id and count of looks, due again before their lease runs out. A row that is held by
 * somebody is passed by, and a pack whose looks were written meanwhile as well.
 */
export async function makeTakenDue(
  pool: Pool,
  targets: readonly string[],
  packs: readonly (readonly [id: string, looks: number])[],
): Promise<void> {
  await pool.query({
    name: 'make taken due',
    text: `with packs as (
        update steady_packs set due_at = least(due_at, now() + interval '${REST}') where id in (
          select p.id from steady_packs p join unnest($2::bigint[], $3::integer[]) as u (id, looks) on p.id = u.id and p.looks = u.looks
          order by p.id for no key update of p skip locked)
      )
      update alias_targets set due_at = least(due_at, now() + interval '${REST}') where name in (
        select name from alias_targets where name = any ($1::text[]) and due_at < 'infinity' order by name for no key update skip locked)`,
    values: [targets, packs.map(([id]) => id), packs.map(([, looks]) => looks)],
  });
}
