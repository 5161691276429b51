import type { Pool } from '../pool.ts';
import { page, type StatusPage } from './page.ts';

/** A record that is not served, and why. */
export interface RecordProblem {
  zone: string;
  name: string;
  type: string;
  content: string;
  problem: string;
}

/** Records that were set aside. */
export async function readRecordProblems(pool: Pool, limit: number): Promise<StatusPage<RecordProblem>> {
  const { rows } = await pool.query(
    `select count(*) over () as total, z.name as zone, r.name, r.type, r.content, r.problem
     from records r join zones z on z.id = r.zone_id where r.problem is not null and not r.disabled
     order by z.name, r.owner, r.id limit $1::bigint`,
    [limit],
  );
  return page(rows, ({ total: _, ...row }) => row as unknown as RecordProblem);
}
