import type { Pool } from '../pool.ts';
import { numberOrNull } from './page.ts';

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
