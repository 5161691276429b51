import { countStates, type StateCounts } from '../ledger/states.ts';
import type { Pool } from '../pool.ts';
import { numberOrNull } from './page.ts';

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
