import type { Pool } from '../pool.ts';

/** Upper bounds of the histogram in milliseconds: 1, 2, 4, … 2^22 (70 minutes); one count more stands for what is longer. */
export const BOUNDS: readonly number[] = Array.from({ length: 23 }, (_, power) => 2 ** power);

/** Times from a change's commit until a secondary was seen to serve it, within one minute. */
export interface Visible {
  secondaryId: string;
  /** Ms since the epoch. */
  minute: number;
  counts: number[];
  count: number;
  sumMs: number;
  maxMs: number;
}

/** Adds to the minutes, and to the total of each secondary. */
export async function addVisible(pool: Pool, rows: readonly Visible[]): Promise<void> {
  if (rows.length === 0) return;
  await pool.query(
    `insert into visible_times as v (secondary_id, minute, counts, count, sum_ms, max_ms)
     select secondary_id, minute, counts, count, sum_ms, max_ms from (
       select * from json_to_recordset($1::json) as r (secondary_id bigint, minute timestamptz, counts bigint[], count bigint, sum_ms float8, max_ms float8)
     ) as r where exists (select from secondaries s where s.id = r.secondary_id) order by secondary_id, minute
     on conflict (secondary_id, minute) do update set
       counts = array(select a + b from unnest(v.counts, excluded.counts) with ordinality as u (a, b, n) order by n),
       count = v.count + excluded.count, sum_ms = v.sum_ms + excluded.sum_ms, max_ms = greatest(v.max_ms, excluded.max_ms)`,
    [JSON.stringify(withTotals(rows))],
  );
}

function withTotals(rows: readonly Visible[]): object[] {
  const totals = new Map<string, Visible>();
  for (const row of rows) {
    const total = totals.get(row.secondaryId);
    if (total === undefined) totals.set(row.secondaryId, { ...row, counts: [...row.counts] });
    else {
      row.counts.forEach((count, index) => {
        total.counts[index] = (total.counts[index] ?? 0) + count;
      });
      total.count += row.count;
      total.sumMs += row.sumMs;
      total.maxMs = Math.max(total.maxMs, row.maxMs);
    }
  }
  const toRow = (row: Visible, minute: string) => ({
    secondary_id: row.secondaryId,
    minute,
    counts: row.counts,
    count: row.count,
    sum_ms: row.sumMs,
    max_ms: row.maxMs,
  });
  return [
    ...rows.map((row) => toRow(row, new Date(row.minute).toISOString())),
    ...[...totals.values()].map((row) => toRow(row, '-infinity')),
  ];
}

/** All that was ever counted of a secondary. */
export interface VisibleTotal {
  secondary: string;
  counts: number[];
  count: number;
  sumMs: number;
}

export async function readVisibleTotals(pool: Pool): Promise<VisibleTotal[]> {
  const { rows } = await pool.query(
    `select s.name, v.counts::float8[] as counts, v.count, v.sum_ms from visible_times v join secondaries s on s.id = v.secondary_id
     where v.minute = '-infinity' order by s.name`,
  );
  return rows.map((row) => ({
    secondary: row.name,
    counts: row.counts,
    count: Number(row.count),
    sumMs: row.sum_ms,
  }));
}

/** A point of the plot: one secondary and span of time. */
export interface VisiblePoint {
  secondary: string;
  /** When the span begins. */
  at: Date;
  changes: number;
  /** Milliseconds; estimated from the histogram, so right within a factor of two. */
  p50: number;
  p99: number;
  mean: number;
  max: number;
}

/** Change to visible over the last `minutes`, in spans of `step` minutes; of one secondary or of all. */
export async function readVisible(
  pool: Pool,
  { minutes, step, secondaryId }: { minutes: number; step: number; secondaryId?: string },
): Promise<VisiblePoint[]> {
  const { rows } = await pool.query(
    `select s.name, date_bin(make_interval(mins => $2::integer), v.minute, timestamptz 'epoch') as at, sum(v.count) as count, sum(v.sum_ms) as sum_ms, max(v.max_ms) as max_ms,
       array_agg(v.counts::text) as counts
     from visible_times v join secondaries s on s.id = v.secondary_id
     where v.minute > now() - make_interval(mins => $1::integer) and ($3::bigint is null or s.id = $3)
     group by s.name, at order by at, s.name`,
    [minutes, step, secondaryId ?? null],
  );
  return rows.map((row) => {
    const counts = BOUNDS.map(() => 0);
    counts.push(0);
    for (const text of row.counts as string[])
      text
        .slice(1, -1)
        .split(',')
        .forEach((count, index) => {
          counts[index] = (counts[index] ?? 0) + Number(count);
        });
    return {
      secondary: row.name,
      at: row.at,
      changes: Number(row.count),
      p50: quantile(counts, 0.5, row.max_ms),
      p99: quantile(counts, 0.99, row.max_ms),
      mean: row.sum_ms / Number(row.count),
      max: row.max_ms,
    };
  });
}

/** The upper bound of the bucket that holds the quantile, but no more than the largest that was seen. */
function quantile(counts: readonly number[], share: number, max: number): number {
  const wanted = counts.reduce((sum, count) => sum + count, 0) * share;
  let seen = 0;
  for (const [index, count] of counts.entries()) {
    seen += count;
    if (seen >= wanted) return Math.min(BOUNDS[index] ?? max, max);
  }
  return max;
}
