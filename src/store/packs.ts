import type { Pool } from './pool.ts';
import { type KnownTarget, MOST_STEADY, WELL } from './targets.ts';

/** Targets that are looked at together, as taken. */
export interface TakenPack {
  id: string;
  /** The count of its looks: what came of looking is written only while it is still that. */
  looks: number;
  targets: KnownTarget[];
}

/** Targets of one pack, at most; fewer than the least are not worth one. */
export const LARGEST_PACK = 250;
export const SMALLEST_PACK = 16;

/**
 * Takes due packs, at most `limit`, oldest first; other workers pass by a taken one for `leaseSeconds`, or until its looks are written. A
 * target that is wanted sooner than its pack is not among them, and those of a pack that has had many looks are all to be decided on.
 */
export async function claimDuePacks(pool: Pool, limit: number, leaseSeconds: number): Promise<TakenPack[]> {
  // one text for all targets of a pack: rows of their own would cost more than all the rest, here and there
  const { rows } = await pool.query<{ id: string; looks: number; targets: string | null }>({
    name: 'claim due packs',
    text: `with due as (select id from steady_packs where due_at <= now() order by due_at limit $1 for update skip locked),
        taken as (update steady_packs p set due_at = now() + make_interval(secs => $2) from due where p.id = due.id returning p.id, p.looks)
      select id, looks, (
        select string_agg(case when guarded or steady is null then name else name || ' ' || steady end, e'\\n')
        from alias_targets t where t.pack = taken.id and t.due_at = 'infinity') as targets
      from taken`,
    values: [limit, leaseSeconds],
  });
  return rows.map(({ id, looks, targets }) => ({
    id,
    looks,
    targets: targets === null ? [] : targets.split('\n').map((line) => toTarget(line, looks < MOST_STEADY)),
  }));
}

/** `name` or `name key`; a key holds blanks, and a name doesn't: they are escaped in it. */
function toTarget(line: string, mayBeSteady: boolean): KnownTarget {
  const end = line.indexOf(' ');
  if (end < 0) return { name: line, state: WELL };
  const name = line.slice(0, end);
  return mayBeSteady ? { name, state: WELL, steady: line.slice(end + 1) } : { name, state: WELL };
}

/** A look at all targets of a pack that found what is known. */
export interface PackLook {
  id: string;
  /** As it was taken. */
  looks: number;
  /** In how many milliseconds to look again. */
  dueIn: number;
}

/** Writes down looks at packs, but for those that somebody else has looked at meanwhile. */
export async function writePackLooks(pool: Pool, looks: readonly PackLook[]): Promise<void> {
  await pool.query({
    name: 'write looks at packs',
    // a crash of the server takes times alone, and looking again mends it: nothing waits for the disk
    text: `with lazily as materialized (select set_config('synchronous_commit', 'off', true)),
        locked as (
          select p.id from steady_packs p join unnest($1::bigint[], $2::integer[]) as u (id, looks) on p.id = u.id and p.looks = u.looks
          order by p.id for no key update of p skip locked)
      update steady_packs p set due_at = clock_timestamp() + make_interval(secs => u.due_in), looked_at = clock_timestamp(), looks = p.looks + 1
      from lazily, locked join unnest($1::bigint[], $3::float8[]) as u (id, due_in) on u.id = locked.id
      where p.id = locked.id`,
    values: [
      looks.map(({ id }) => id),
      looks.map((look) => look.looks),
      looks.map(({ dueIn }) => dueIn / 1000),
    ],
  });
}

/** Forgets packs that all have left: nobody joins one later. */
export async function dropEmptyPacks(pool: Pool): Promise<void> {
  await pool.query(
    `delete from steady_packs where id in (
       select id from steady_packs p where not exists (select from alias_targets where pack = p.id) for update skip locked)`,
  );
}
