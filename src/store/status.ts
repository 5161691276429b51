import type { FamilyState } from '../zone/alias/state.ts';
import { type Damping, dampingOf } from './damping.ts';
import { guardReason, HELD_COLUMNS, JOIN_HELD } from './guards/status.ts';
import { countStates, type StateCounts } from './ledger/states.ts';
import type { Pool } from './pool.ts';

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

/** An ALIAS record and what it publishes. */
export interface AliasStatus {
  zone: string;
  name: string;
  target: string;
  /** Who was asked for it: our own zones where its way ends within them. */
  answeredBy: 'records' | 'resolvers';
  /** The names on its way through our own zones, the target first; null where it is no name of ours. */
  path: string[] | null;
  published: string[];
  /** Of a target whose answers rotate: how many serials were saved; null of any other. */
  damping: Damping | null;
  lookedAt: Date | null;
  /** `found`, `nodata`, `nxdomain`, `failed` or `never`, of each family, with what was said. */
  outcome: { a: string; aaaa: string; detail: string | null };
  failures: number;
  /** When it is looked at next. */
  dueAt: Date | null;
  /** Since when, and why, something else than the target's own answer is published. */
  heldSince: Date | null;
  heldReason: string | null;
}

/** The newest serial of a zone and how far it has come with one address of a secondary. */
export interface NotificationState {
  secondary: string;
  zone: string;
  address: string;
  serial: number;
  ackedSerial: number | null;
  ackedAt: Date | null;
  sentAt: Date | null;
  attempts: number;
  nextAt: Date;
  pending: boolean;
  rcode: number | null;
  error: string | null;
}

/** A secondary, all its zones together. */
export interface SecondaryStatus {
  secondary: string;
  addresses: string[];
  notify: boolean;
  /** Zones and addresses that it hears of, those that it answered, and those that wait. */
  notifications: number;
  acked: number;
  pending: number;
  /** The zone changed last, with its serial and the last one answered for it. */
  newest: { zone: string; serial: number; ackedSerial: number | null } | null;
  lastAckedAt: Date | null;
  lastError: string | null;
  /** How many of its zones stand how. */
  convergence: StateCounts | undefined;
}

/** A record that is not served, and why. */
export interface RecordProblem {
  zone: string;
  name: string;
  type: string;
  content: string;
  problem: string;
}

export interface StatusPage<T> {
  total: number;
  rows: T[];
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

/** ALIAS records of a zone or of all, those that are held or fail first; at most `limit` of them. */
export async function readAliasStatus(
  pool: Pool,
  limit: number,
  zoneId?: string,
): Promise<StatusPage<AliasStatus>> {
  // the few rows to show are chosen first: there may be a million
  const { rows } = await pool.query(
    `select (select count(*) from aliases where $2::bigint is null or zone_id = $2) as total, z.name as zone, coalesce(r.name, a.owner) as name, a.target, a.path, a.held_since, a.held_reason,
       t.looked_at, t.failures, t.due_at, t.state, ${HELD_COLUMNS},
       array(select p.content from transfer_records p where p.zone_id = a.zone_id and p.owner = a.owner
         and p.source_record_id = a.record_id and p.type <> 'TXT' order by p.type, p.content) as published
     from (
       select a.record_id from aliases a left join alias_targets t on t.name = a.target
       left join (select distinct target from guarded_targets where state = 'held') g on g.target = a.target
       where $2::bigint is null or a.zone_id = $2
       order by (a.held_since is null and g.target is null), (coalesce(t.failures, 0) = 0), a.zone_id, a.owner limit $1::bigint
     ) as chosen
     join aliases a using (record_id)
     join zones z on z.id = a.zone_id
     left join records r on r.id = a.record_id
     left join alias_targets t on t.name = a.target
     ${JOIN_HELD}
     order by (a.held_since is null and g.guard is null), (coalesce(t.failures, 0) = 0), z.name, a.owner`,
    [limit, zoneId ?? null],
  );
  return page(rows, (row) => {
    const { a, aaaa, deniedSince } = row.state ?? {};
    const denied = typeof deniedSince === 'number' && row.published.length > 0;
    return {
      zone: row.zone,
      name: row.name,
      target: row.path?.[0] ?? row.target,
      answeredBy: row.target === null ? 'records' : 'resolvers',
      path: row.path,
      published: row.published,
      damping: dampingOf(row.state ?? {}),
      lookedAt: row.looked_at,
      outcome: row.target === null ? ownOutcome(row) : outcomeOf(a, aaaa),
      failures: row.failures ?? 0,
      dueAt: row.due_at,
      heldSince: row.held_since ?? row.guarded_at ?? (denied ? new Date(deniedSince) : null),
      heldReason: row.held_reason ?? guardReason(row) ?? (denied ? DENIED : null),
    };
  });
}

export const DENIED = 'the target has no addresses any more: the last known ones stay for NEGATIVE_HOLD';

/** What each secondary has answered and what waits for it. */
export async function readSecondaryStatus(pool: Pool): Promise<SecondaryStatus[]> {
  const [{ rows }, counts] = await Promise.all([readOutboxes(pool), countStates(pool)]);
  return rows.map((row) => ({
    secondary: row.name,
    addresses: row.addresses,
    notify: row.notify,
    notifications: Number(row.total),
    acked: Number(row.acked),
    pending: Number(row.total) - Number(row.acked),
    newest:
      row.zone === null
        ? null
        : { zone: row.zone, serial: Number(row.serial), ackedSerial: numberOrNull(row.acked_serial) },
    lastAckedAt: row.last_acked_at,
    lastError: row.error,
    convergence: counts.get(row.id),
  }));
}

function readOutboxes(pool: Pool) {
  return pool.query(
    `select s.id, s.name, s.addresses, s.notify, coalesce(n.total, 0) as total, coalesce(n.acked, 0) as acked, n.last_acked_at, e.error,
       w.zone, w.serial, w.acked_serial
     from secondaries s
     left join lateral (
       select count(*) as total, count(*) filter (where acked_serial = serial) as acked, max(acked_at) as last_acked_at
       from notifications where secondary_id = s.id) n on true
     left join lateral (
       select coalesce(error, 'rcode ' || rcode) as error from notifications
       where secondary_id = s.id and acked_serial is distinct from serial and (error is not null or rcode is not null)
       order by sent_at desc nulls last limit 1) e on true
     left join lateral (
       select z.name as zone, m.serial, m.acked_serial from notifications m join zones z on z.id = m.zone_id
       where m.secondary_id = s.id order by m.committed_at desc, z.name limit 1) w on true
     order by s.name`,
  );
}

/** The outbox of one secondary, zone by zone; what waits first. */
export async function readNotifications(pool: Pool, secondaryId: string): Promise<NotificationState[]> {
  const { rows } = await pool.query(
    `select s.name as secondary, z.name as zone, n.address, n.serial, n.acked_serial, n.acked_at, n.sent_at, n.attempts, n.next_at,
       n.acked_serial is distinct from n.serial as pending, n.rcode, n.error
     from notifications n join zones z on z.id = n.zone_id join secondaries s on s.id = n.secondary_id
     where n.secondary_id = $1::bigint order by (n.acked_serial is not distinct from n.serial), z.name, n.address`,
    [secondaryId],
  );
  return rows.map((row) => ({
    secondary: row.secondary,
    zone: row.zone,
    address: row.address,
    serial: Number(row.serial),
    ackedSerial: numberOrNull(row.acked_serial),
    ackedAt: row.acked_at,
    sentAt: row.sent_at,
    attempts: row.attempts,
    nextAt: row.next_at,
    pending: row.pending,
    rcode: row.rcode,
    error: row.error,
  }));
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

/** How many NOTIFYs of how many of these zones, or of all, `notifyAgain` would make due. */
export async function countNotifications(
  pool: Pool,
  zoneIds: readonly string[] | undefined,
): Promise<{ notifications: number; zones: number }> {
  const { rows } = await pool.query<{ notifications: string; zones: string }>(
    `select count(*) as notifications, count(distinct zone_id) as zones from notifications
     where $1::bigint[] is null or zone_id = any ($1::bigint[])`,
    [zoneIds ?? null],
  );
  return { notifications: Number(rows[0]?.notifications ?? 0), zones: Number(rows[0]?.zones ?? 0) };
}

/**
 * Makes NOTIFYs due again, of these zones or of all, whether answered or not. Gives how many, and the zones they are of.
 */
export async function notifyAgain(
  pool: Pool,
  zoneIds: readonly string[] | undefined,
): Promise<{ notifications: number; zones: string[] }> {
  const { rows } = await pool.query<{ name: string; sent: string }>(
    // in the order in which the publisher fills the outbox: who locks rows in one order never deadlocks
    `with locked as (
       select zone_id, secondary_id, address from notifications where $1::bigint[] is null or zone_id = any ($1::bigint[])
       order by zone_id, secondary_id, address for update
     ), again as (
       update notifications n set acked_serial = null, attempts = 0, next_at = now(), error = null, rcode = null
       from locked l where (n.zone_id, n.secondary_id, n.address) = (l.zone_id, l.secondary_id, l.address) returning n.zone_id
     ), hint as (select pg_notify('zoneferry_outbox', ''))
     select z.name, count(*) as sent from again join zones z on z.id = again.zone_id cross join hint group by z.name order by z.name`,
    [zoneIds ?? null],
  );
  return {
    notifications: rows.reduce((sum, row) => sum + Number(row.sent), 0),
    zones: rows.map((row) => row.name),
  };
}

/** What our own records say. */
function ownOutcome(alias: { published: string[]; held_reason: string | null }): AliasStatus['outcome'] {
  if (alias.held_reason !== null) return { a: 'failed', aaaa: 'failed', detail: null };
  const has = (isIpv6: boolean) => alias.published.some((address) => address.includes(':') === isIpv6);
  return { a: has(false) ? 'found' : 'nodata', aaaa: has(true) ? 'found' : 'nodata', detail: null };
}

function outcomeOf(
  a: Partial<FamilyState> | undefined,
  aaaa: Partial<FamilyState> | undefined,
): AliasStatus['outcome'] {
  const details = [a, aaaa].flatMap((family) => [
    ...(family?.last === 'failed' && family.detail ? [family.detail] : []),
    ...(family?.last === 'found' && family.detail ? [family.detail] : []),
    ...(family?.withdrawn ? [`withdrawn: ${family.withdrawn}`] : []),
  ]);
  return {
    a: a?.last ?? 'never',
    aaaa: aaaa?.last ?? 'never',
    detail: [...new Set(details)].join('; ') || null,
  };
}

// biome-ignore lint/suspicious/noExplicitAny: rows as the driver gives them
function page<T>(rows: any[], toRow: (row: any) => T): StatusPage<T> {
  return { total: Number(rows[0]?.total ?? 0), rows: rows.map(toRow) };
}

function numberOrNull(text: string | null): number | null {
  return text === null ? null : Number(text);
}
