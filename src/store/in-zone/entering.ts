import { followCause } from '../../zone/cause.ts';
import type { Way } from '../../zone/in-zone/way.ts';
import type { Pool } from '../pool.ts';
import { inTransaction } from '../transaction.ts';
import { findWays } from './ways.ts';

/** The names of all zones with an id above `after`, catalogs apart, and the highest id there is. */
export async function zoneNamesAfter(
  pool: Pool,
  after: string,
): Promise<{ names: string[]; newest: string }> {
  const { rows } = await pool.query<{ id: string; name: string }>(
    'select id, name from zones where id > $1::bigint and not catalog order by id',
    [after],
  );
  return { names: rows.map(({ name }) => name), newest: rows.at(-1)?.id ?? after };
}

/**
 * Where the chain of `target`, which lies elsewhere, goes on from `name`, which may be ours; `past` are the names before it. From then on
 * an edit of a name on the way has the target looked at again: what is read is remembered first and then read once more, so that no
 * edit slips through between.
 */
export async function enter(
  pool: Pool,
  target: string,
  name: string,
  past: readonly string[],
  remembers: boolean,
): Promise<Way | undefined> {
  for (let round = 0; ; round++) {
    const way = await inTransaction(pool, async (client) => (await findWays(client, [name], past)).get(name));
    if (!way || !remembers || way.readings.length === 0 || round === ROUNDS) return way;
    const { rowCount } = await pool.query(
      `insert into target_names (target, in_zone, name, under)
       select $1::text, * from unnest($2::bigint[], $3::text[], $4::boolean[]) on conflict do nothing`,
      [
        target,
        way.readings.map(({ zoneId }) => zoneId),
        way.readings.map((reading) => reading.name),
        way.readings.map(({ under }) => under),
      ],
    );
    if (rowCount === 0) return way;
  }
}

const ROUNDS = 5; // of edits that come one upon the other; the next look is not far

/** Has the ALIAS records that follow this target find their way again: it has come to lie in a zone of ours. */
export async function findAgain(pool: Pool, target: string): Promise<void> {
  await pool.query(
    `with marked as (
       insert into zone_marks (zone_id, owner, cause)
       select zone_id, owner, $2::jsonb from aliases where target = $1 returning zone_id)
     select pg_notify('zoneferry_marks', '') from (select from marked limit 1) as any_of_them`,
    [target, JSON.stringify(followCause(target))],
  );
}

/** Forgets what was read for targets that nobody follows any more. */
export async function tidyReadings(pool: Pool): Promise<void> {
  await pool.query(
    'delete from target_names n where not exists (select from alias_targets where name = n.target)',
  );
}
