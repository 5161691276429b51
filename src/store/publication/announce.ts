import type { Pool } from '../pool.ts';

/** Says that marks are looked for without hints, for so many milliseconds from now by the database's clock. */
export async function announceLooks(pool: Pool, ms: number): Promise<void> {
  await pool.query(
    `select setval('zoneferry_looked_until', greatest(last_value, (extract(epoch from clock_timestamp()) * 1000)::bigint + $1::bigint))
     from zoneferry_looked_until`,
    [ms],
  );
}
