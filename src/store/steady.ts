import { binaryArray } from './binary-array.ts';
import type { Pool } from './pool.ts';

/** A look that found what is known already. */
export interface SteadyLook {
  name: string;
  /** What it had to come to, as it stood in the row when the target was taken. */
  steady: string;
  /** In how many milliseconds to look again; alike for all of one pack. */
  dueIn: number;
  /** Those with one number form a new pack; undefined: the target is looked at by itself. */
  pack?: number | undefined;
}

/**
 * Writes down that these looks changed nothing. Gives the targets of which that is written; any other's row is held by somebody, or was
 * changed meanwhile, and its look is to be decided on.
 */
export async function writeSteady(pool: Pool, looks: readonly SteadyLook[]): Promise<Set<string>> {
  const { rows } = await pool.query<{ name: string }>({
    name: 'write steady looks',
    text: `with lazily as materialized (select set_config('synchronous_commit', 'off', true)),
      locked as (
        select name from alias_targets where name = any ($1::text[]) order by name for no key update skip locked),
      looks as (
        select u.* from unnest($1::text[], $2::text[], $3::float8[], $4::integer[]) as u (name, steady, due_in, number)
        join locked on locked.name = u.name collate "C"),
      -- they begin their count anywhere, so that they don't all end it in one sweep
      numbers as materialized (
        select number, nextval(pg_get_serial_sequence('steady_packs', 'id')) as id, due_in, floor(random() * 50)::integer as looks
        from (select number, min(due_in) as due_in from looks where number is not null group by number) as each_pack),
      packs as (
        insert into steady_packs (id, due_at, looked_at, looks)
        select id, clock_timestamp() + make_interval(secs => due_in), clock_timestamp(), numbers.looks from numbers)
      update alias_targets t set looked_at = clock_timestamp(),
        due_at = case when n.id is null then clock_timestamp() + make_interval(secs => u.due_in) else 'infinity' end,
        steady_looks = t.steady_looks + 1 + coalesce((select p.looks from steady_packs p where p.id = t.pack) - t.pack_looks, 0),
        pack = n.id, pack_looks = coalesce(n.looks, 0)
      from lazily, looks u left join numbers n on n.number = u.number
      where t.name = u.name collate "C" and t.steady = u.steady and not t.guarded
      returning t.name`,
    values: [
      binaryArray(
        'text',
        looks.map(({ name }) => name),
      ),
      binaryArray(
        'text',
        looks.map(({ steady }) => steady),
      ),
      `{${looks.map(({ dueIn }) => dueIn / 1000).join()}}`,
      `{${looks.map((look) => look.pack ?? 'null').join()}}`,
    ],
  });
  return new Set(rows.map(({ name }) => name));
}
