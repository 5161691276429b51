import type { Convergence, State } from '../../zone/convergence.ts';
import type { Pool } from '../pool.ts';

/** What is not done: told and not answered, looked for, or ahead of us. */
const OPEN = `
  select zone_id, secondary_id from notifications where acked_serial is distinct from serial
  union select zone_id, secondary_id from convergence where next_check_at is not null
  union select zone_id, secondary_id from serials_ahead
  union select n.zone_id, s.id from zone_news n cross join secondaries s`;

/** The rows of `k (zone_id, secondary_id)` with their states. */
const STANDING = `
  select z.id as zone_id, z.name as zone, s.id as secondary_id, s.name as secondary, z.published_serial, z.published_at,
    case
      when zoneferry_is_verified(s, z) and a.serial is not null then 'ahead'
      else zoneferry_state(zoneferry_is_verified(s, z), z.published_serial, c, n.acked, n.rcode, n.error, n.attempts, clock_timestamp())
    end as state,
    case when zoneferry_is_verified(s, z) then null when not s.notify then 'NOTIFY is off' when s.check_addresses = '{}' then 'not to be asked'
      when s.optional then 'optional' else 'a catalog' end as unchecked,
    c.serial, c.committed_at, c.notified_at, c.acked_at, c.asked_at, c.served_at, c.served_kind, c.served_bytes, c.served_ms, c.serving_at, c.checked_at,
    coalesce(a.serial, c.shown_serial) as shown_serial, c.seen_at, c.seen_rcode, c.seen_error, c.differs, c.highest_serial, c.next_check_at,
    coalesce(n.rcode, case when c.serial = z.published_serial then c.rcode end) as last_rcode,
    coalesce(n.error, case when c.serial = z.published_serial then c.notify_error end) as last_error, n.sent_at
  from k
  join zones z on z.id = k.zone_id and z.published_serial is not null
  join secondaries s on s.id = k.secondary_id and zoneferry_may_have(s, z)
  left join convergence c on c.zone_id = k.zone_id and c.secondary_id = k.secondary_id
  left join serials_ahead a on a.zone_id = k.zone_id and a.secondary_id = k.secondary_id
    and z.published_serial <> a.serial and not zoneferry_newer(z.published_serial, a.serial)
  left join lateral (
    select bool_and(acked_serial is not distinct from serial) as acked, max(rcode) filter (where acked_serial is distinct from serial) as rcode,
      max(error) filter (where acked_serial is distinct from serial) as error, max(attempts) as attempts,
      min(sent_at) filter (where sent_serial = serial) as sent_at
    from notifications o where o.zone_id = k.zone_id and o.secondary_id = k.secondary_id) n on true`;

/** What is in trouble stands first, then what is under way. */
const TROUBLE = `array_position(array['ahead', 'different', 'refusing', 'silent', 'lagging', 'converging', 'not checked', 'converged'], state)`;

export interface StandingQuery {
  secondaryId?: string;
  zoneIds?: readonly string[];
  /** Only what is not converged, of those that are looked at. */
  open?: boolean;
  limit: number;
  /** Canonical name of a zone: only those behind it, by name; else what is in trouble first. */
  after?: string;
  byName?: boolean;
}

/** How zones stand at secondaries. */
export async function readStanding(
  pool: Pool,
  query: StandingQuery,
): Promise<{ total: number; rows: Convergence[] }> {
  const { secondaryId, zoneIds, open = false, limit, after, byName = false } = query;
  const keys = open
    ? `select zone_id, secondary_id from (${OPEN}) as o
       where ($2::bigint is null or secondary_id = $2) and ($3::bigint[] is null or zone_id = any ($3))`
    : `select z.id as zone_id, s.id as secondary_id from zones z join secondaries s on zoneferry_may_have(s, z)
       where ($2::bigint is null or s.id = $2) and ($3::bigint[] is null or z.id = any ($3))`;
  const { rows } = await pool.query(
    `with k as (${keys}), standing as (${STANDING}),
       chosen as (select * from standing ${open ? `where state not in ('converged', 'not checked')` : ''})
     select (select count(*) from chosen) as total, * from chosen where ($4::text is null or zone > $4)
     order by ${byName ? '' : `${TROUBLE}, `} zone, secondary limit $1::bigint`,
    [limit, secondaryId ?? null, zoneIds ?? null, after ?? null],
  );
  return { total: Number(rows[0]?.total ?? 0), rows: rows.map(toConvergence) };
}

/** How many zones of one secondary stand how. */
export type StateCounts = Record<State, number>;

/** The counts of each secondary by its id. */
export async function countStates(pool: Pool): Promise<Map<string, StateCounts>> {
  const [all, open] = await Promise.all([
    pool.query(
      `select s.id, count(z.id) as total, count(z.id) filter (where not zoneferry_is_verified(s, z)) as unchecked
       from secondaries s left join zones z on z.published_serial is not null and zoneferry_may_have(s, z) group by s.id`,
    ),
    pool.query(
      `with k as (${OPEN}), standing as (${STANDING})
       select secondary_id, state, count(*) from standing where state not in ('converged', 'not checked') group by secondary_id, state`,
    ),
  ]);
  const counts = new Map<string, StateCounts>();
  for (const { id, total, unchecked } of all.rows)
    counts.set(id, {
      ...NONE,
      'not checked': Number(unchecked),
      converged: Number(total) - Number(unchecked),
    });
  for (const { secondary_id, state, count } of open.rows) {
    const of = counts.get(secondary_id);
    if (of === undefined) continue;
    of[state as State] = Number(count);
    of.converged = Math.max(0, of.converged - Number(count));
  }
  return counts;
}

const NONE: StateCounts = {
  ahead: 0,
  different: 0,
  refusing: 0,
  silent: 0,
  lagging: 0,
  converging: 0,
  converged: 0,
  'not checked': 0,
};

/** Serials of a zone that were seen at a secondary, the newest first. */
export async function readHistory(
  pool: Pool,
  of: { zoneId: string; secondaryId?: string; limit: number },
): Promise<object[]> {
  const { rows } = await pool.query(
    `select s.name as secondary, h.serial, h.committed_at, h.notified_at, h.acked_at, h.asked_at, h.served_at, h.served_kind, h.served_bytes, h.served_ms,
       h.serving_at, h.checked_at
     from convergence_history h join secondaries s on s.id = h.secondary_id
     where h.zone_id = $1::bigint and ($2::bigint is null or h.secondary_id = $2) order by h.serving_at desc, s.name limit $3::bigint`,
    [of.zoneId, of.secondaryId ?? null, of.limit],
  );
  return rows.map((row) => ({
    secondary: row.secondary,
    serial: Number(row.serial),
    committedAt: row.committed_at,
    notifiedAt: row.notified_at,
    ackedAt: row.acked_at,
    askedAt: row.asked_at,
    served: servedOf(row),
    servingAt: row.serving_at,
    checkedAt: row.checked_at,
  }));
}

// biome-ignore lint/suspicious/noExplicitAny: rows as the driver gives them
function toConvergence(row: any): Convergence {
  const isCurrent = row.serial === row.published_serial;
  const current = <T>(value: T): T | null => (isCurrent ? value : null);
  return {
    zone: row.zone,
    secondary: row.secondary,
    state: row.state,
    unchecked: row.unchecked,
    serial: Number(row.published_serial),
    committedAt: isCurrent ? row.committed_at : row.published_at,
    notifiedAt: current(row.notified_at) ?? row.sent_at,
    ackedAt: current(row.acked_at),
    rcode: row.last_rcode,
    notifyError: row.last_error,
    askedAt: current(row.asked_at),
    served: isCurrent ? servedOf(row) : null,
    servingAt: current(row.serving_at),
    checkedAt: current(row.checked_at),
    shown: row.shown_serial === null ? null : Number(row.shown_serial),
    seenAt: row.seen_at,
    seenRcode: current(row.seen_rcode),
    seenError: current(row.seen_error),
    differs: current(row.differs),
    highest: row.highest_serial === null ? null : Number(row.highest_serial),
    nextLookAt: current(row.next_check_at),
  };
}

function servedOf(row: {
  served_at: Date | null;
  served_kind: string | null;
  served_bytes: string | null;
  served_ms: number | null;
}): Convergence['served'] {
  if (row.served_at === null) return null;
  return {
    at: row.served_at,
    kind: row.served_kind ?? '',
    bytes: Number(row.served_bytes),
    ms: row.served_ms ?? 0,
  };
}
