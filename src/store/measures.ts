import type { Pool } from './pool.ts';

/** Numbers of the whole installation, for monitoring. */
export interface Measures {
  zones: { published: number; unpublished: number; problem: number };
  targets: { resolved: number; failing: number; never: number };
  /** When the oldest answer that is still published, though its target fails, had run out; ms since the epoch. */
  staleSince: number | undefined;
  secondaries: { secondary: string; acked: number; pending: number; oldestPending: Date | null }[];
}

export async function readMeasures(pool: Pool): Promise<Measures> {
  const [zones, targets, secondaries] = await Promise.all([
    pool.query(
      `select count(*) filter (where problem is null and published_serial is not null) as published,
         count(*) filter (where problem is null and published_serial is null) as unpublished,
         count(*) filter (where problem is not null) as problem from zones`,
    ),
    pool.query(
      `select count(*) filter (where looked_at is not null and failures = 0) as resolved,
         count(*) filter (where looked_at is not null and failures > 0) as failing,
         count(*) filter (where looked_at is null) as never,
         min(nullif(greatest((state->'a'->>'expiresAt')::float8, (state->'aaaa'->>'expiresAt')::float8), 0))
           filter (where failures > 0) as stale_since
       from alias_targets`,
    ),
    pool.query(
      `select s.name, count(*) filter (where n.acked_serial = n.serial) as acked,
         count(*) filter (where n.zone_id is not null and n.acked_serial is distinct from n.serial) as pending,
         min(n.committed_at) filter (where n.acked_serial is distinct from n.serial) as oldest
       from secondaries s left join notifications n on n.secondary_id = s.id group by s.name order by s.name`,
    ),
  ]);
  const [zone = {}] = zones.rows;
  const [target = {}] = targets.rows;
  return {
    zones: {
      published: Number(zone.published),
      unpublished: Number(zone.unpublished),
      problem: Number(zone.problem),
    },
    targets: {
      resolved: Number(target.resolved),
      failing: Number(target.failing),
      never: Number(target.never),
    },
    staleSince: target.stale_since === null ? undefined : Number(target.stale_since),
    secondaries: secondaries.rows.map((row) => ({
      secondary: row.name,
      acked: Number(row.acked),
      pending: Number(row.pending),
      oldestPending: row.oldest,
    })),
  };
}

/** Numbers of each zone, and of each zone with each secondary. */
export interface ZoneMeasures {
  zones: { zone: string; serial: number }[];
  /** `shown`: the serial that it was last seen to serve. */
  secondaries: { secondary: string; zone: string; shown: number | null; acked: boolean }[];
}

export async function readZoneMeasures(pool: Pool): Promise<ZoneMeasures> {
  const [zones, secondaries] = await Promise.all([
    pool.query('select name, published_serial from zones where published_serial is not null order by name'),
    pool.query(
      `select s.name as secondary, z.name as zone, bool_and(n.acked_serial is not distinct from n.serial) as acked,
         max(c.shown_serial) as shown
       from notifications n join zones z on z.id = n.zone_id join secondaries s on s.id = n.secondary_id
       left join convergence c on c.zone_id = n.zone_id and c.secondary_id = n.secondary_id
       group by s.name, z.name order by s.name, z.name`,
    ),
  ]);
  return {
    zones: zones.rows.map((row) => ({ zone: row.name, serial: Number(row.published_serial) })),
    secondaries: secondaries.rows.map((row) => ({
      secondary: row.secondary,
      zone: row.zone,
      shown: row.shown === null ? null : Number(row.shown),
      acked: row.acked,
    })),
  };
}
