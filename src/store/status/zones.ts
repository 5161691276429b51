import type { Pool } from '../pool.ts';
import { numberOrNull, page, type StatusPage } from './page.ts';

/** A zone as `status` shows it. */
export interface ZoneStatus {
  zone: string;
  /** Null: not published yet. */
  serial: number | null;
  publishedAt: Date | null;
  records: number;
  /** Whether edits wait to be published. */
  pending: boolean;
  problem: string | null;
}

/** Zones, those in trouble first; at most `limit` of them. */
export async function readZoneStatus(pool: Pool, limit: number): Promise<StatusPage<ZoneStatus>> {
  const { rows } = await pool.query(
    `select count(*) over () as total, name as zone, published_serial, published_at, record_count, problem,
       exists (select from zone_marks m where m.zone_id = z.id) as pending
     from zones z order by (problem is null), name limit $1::bigint`,
    [limit],
  );
  return page(rows, (row) => ({
    zone: row.zone,
    serial: numberOrNull(row.published_serial),
    publishedAt: row.published_at,
    records: row.record_count,
    pending: row.pending,
    problem: row.problem,
  }));
}
