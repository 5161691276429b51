import { binaryArray } from './binary-array.ts';
import type { Pool } from './pool.ts';

/** A look that found what is known already. */
export interface SteadyLook {
  name: string;
  /** What it had to come to, as it stood in the row when the target was taken. */
  steady: string;
  /** When to look again, in milliseconds since the epoch. */
  dueAt: number;
}

/**
 * Writes down that these looks changed nothing. Gives the targets of which that is written; any other's row is held by somebody, or was
 * changed meanwhile, and its look is to be decided on.
 */
export async function writeSteady(pool: Pool, looks: readonly SteadyLook[]): Promise<Set<string>> {
  const { rows } = await pool.query<{ name: string }>({
    name: 'write steady looks',
    text: `with locked as (
        select name from alias_targets where name = any ($1::text[]) order by name for no key update skip locked)
      update alias_targets t set due_at = to_timestamp(u.due_at), looked_at = clock_timestamp(), steady_looks = t.steady_looks + 1
      from unnest($1::text[], $2::text[], $3::float8[]) as u (name, steady, due_at) join locked on locked.name = u.name collate "C"
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
      `{${looks.map(({ dueAt }) => dueAt / 1000).join()}}`,
    ],
  });
  return new Set(rows.map(({ name }) => name));
}
