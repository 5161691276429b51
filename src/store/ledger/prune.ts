import type { Pool } from '../pool.ts';

/** What is kept of serials that were seen at secondaries, whichever is less. */
export interface LedgerLimits {
  days: number;
  rows: number;
}

const POINTS_DAYS = 31;
const ROWS_AT_ONCE = 20_000;

/** Keeps the ledger bounded: what is left of zones and secondaries that are gone, old history, old points. */
export async function pruneLedger(pool: Pool, limits: LedgerLimits): Promise<void> {
  await pool.query(
    `delete from convergence c where not exists (select from zones z, secondaries s where z.id = c.zone_id and s.id = c.secondary_id)`,
  );
  await pruneHistory(pool, limits);
  await pool.query(
    `delete from visible_times v where (minute < now() - make_interval(days => $1) and minute > '-infinity')
       or not exists (select from secondaries s where s.id = v.secondary_id)`,
    [POINTS_DAYS],
  );
}

/** In small pieces, as there may be millions. */
async function pruneHistory(pool: Pool, limits: LedgerLimits): Promise<void> {
  const { rows } = await pool.query<{ before: string }>(
    `select greatest(now() - make_interval(days => $1),
       (select serving_at from convergence_history order by serving_at desc offset $2 limit 1) + interval '1 microsecond')::text as before`,
    [limits.days, limits.rows],
  );
  for (let left = true; left; ) {
    const { rowCount } = await pool.query(
      `delete from convergence_history where ctid = any (array(
         select ctid from convergence_history where serving_at < $1::timestamptz order by serving_at limit ${ROWS_AT_ONCE}))`,
      [rows[0]?.before],
    );
    left = rowCount === ROWS_AT_ONCE;
  }
}
