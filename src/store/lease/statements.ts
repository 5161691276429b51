import type { QueryConfig } from 'pg';
import { KnownVersion } from '../known-versions.ts';
import type { Pool } from '../pool.ts';
import { isNotAmong, type LeaseVersion } from './watch.ts';

/** What a process that read at one snapshot has to learn at a later one. */
export interface ChangeRow {
  kind: 'snapshot' | 'zone' | 'access';
  /** `snapshot`: the snapshot that this was read in, `zone`: the zone's name. */
  text: string;
  /** `snapshot`: whether what this process has confirmed is still known, so that no change was taken away unread. */
  kept: boolean | null;
  /** `zone`: null where the zone is gone. */
  id: string | null;
  published_soa: Buffer | null;
  published_soa_ttl: number | null;
  published_change: Buffer | null;
  /** `snapshot` without a `since`: the server's timeline; null: it can only be read. */
  timeline?: string | null;
}

/** Makes the others wait for this process from now on, for `ms`. Gives whether what it has confirmed before is still known. */
export function takeLease(id: string, ms: number): QueryConfig {
  return {
    name: 'take lease',
    text: `insert into transfer_leases (id, lease_until) values ($1, clock_timestamp() + $2::float8 * interval '1 ms')
      on conflict (id) do update set lease_until = excluded.lease_until returning confirmed is not null as confirmed`,
    values: [id, ms],
  };
}

/**
 * Everything that committed since the snapshot `since` was taken and what the zones concerned are now, all in one snapshot: rows of
 * transactions that began after it or that were under way. Where there are more than `limit`, they don't come, and `kept` is false. Without
 * `since` the snapshot alone.
 */
export function readChanges(id: string, since: string | undefined, limit: number): QueryConfig {
  if (since === undefined) {
    return {
      text: `select 'snapshot' as kind, pg_current_snapshot()::text as text, exists (select from transfer_leases where id = $1 and confirmed is not null) as kept, zoneferry_timeline() as timeline`,
      values: [id],
    };
  }
  return {
    name: 'read changes',
    // in order, limited and by name, so that the indexes are used: the planner takes a snapshot's end for a third of the table
    // (measured: 29 ms instead of 1 with 100,000 zones)
    text: `with later as materialized (
        select zone from served_changes where xid >= pg_snapshot_xmax($2::pg_snapshot) order by xid limit $3::integer + 1
      ), changes as (
        select zone from later
        union
        select zone from served_changes where xid = any (array(select pg_snapshot_xip($2::pg_snapshot)))
      )
      select 'snapshot' as kind, pg_current_snapshot()::text as text,
        exists (select from transfer_leases where id = $1 and confirmed is not null) and (select count(*) from later) <= $3::integer as kept,
        null::bigint as id, null::bytea as published_soa, null::integer as published_soa_ttl,
        null::bytea as published_change
      union all
      select case when c.zone is null then 'access' else 'zone' end, coalesce(c.zone, ''), null, z.id, z.published_soa, z.published_soa_ttl,
        uuid_send(z.published_change)
      from (select zone from changes limit $3::integer) as c left join lateral (
        select * from zones where name = c.zone and published_serial is not null offset 0
      ) as z on true`,
    values: [id, since, limit],
  };
}

/** Published versions in the order of their zones' ids, after `after`. */
export async function readVersionsAfter(pool: Pool, after: string, limit: number): Promise<KnownVersion[]> {
  const { rows } = await pool.query<{
    id: string;
    name: string;
    soa: Buffer;
    soa_ttl: number;
    change: Buffer | null;
  }>({
    name: 'versions after',
    text: `select id, name, published_soa as soa, published_soa_ttl as soa_ttl, uuid_send(published_change) as change from zones
      where id > $1::bigint and published_serial is not null order by id limit $2`,
    values: [after, limit],
  });
  return rows.map((row) => new KnownVersion(row.id, row.name, row.soa, row.soa_ttl, row.change));
}

/** Says that this process answers with all that `snapshot` sees, for `ms`, and wakes who sends NOTIFY. No row: the lease is gone. */
export function confirm(id: string, snapshot: string, ms: number, wake: boolean): QueryConfig {
  return {
    name: 'confirm',
    text: `with confirmed as (
        update transfer_leases set confirmed = $2::pg_snapshot, lease_until = clock_timestamp() + $3::float8 * interval '1 ms'
        where id = $1 returning id
      )
      select case when $4 then pg_notify('zoneferry_outbox', '') end from confirmed`,
    values: [id, snapshot, ms, wake],
  };
}

/** Lets nobody wait for this process any more. */
export function giveLeaseBack(id: string): QueryConfig {
  return {
    text: `with gone as (delete from transfer_leases where id = $1 returning id) select pg_notify('zoneferry_outbox', '') from gone`,
    values: [id],
  };
}

/** Changes forgotten at once: nobody waits long behind them. */
const FORGOTTEN = 5_000;

/**
 * Forgets processes long gone, and changes that every other one has confirmed, or all where there is no other; gives whether more of them are
 * left. While one that is new has not confirmed yet what it has read, nothing is forgotten: it reads on from there. A process that comes
 * back after it was forgotten finds its row missing and begins anew.
 */
export function forgetOldChanges(gone: readonly LeaseVersion[]): QueryConfig {
  return {
    text: `with gone as (
        delete from transfer_leases where not ${isNotAmong('$1', '$2')} returning id
      ), others as materialized (
        select confirmed from transfer_leases where id not in (select id from gone)
      ), old as (
        delete from served_changes where ctid = any (array(
          select ctid from served_changes where xid < coalesce(
              (select pg_snapshot_xmin(confirmed) from others order by 1 limit 1), pg_snapshot_xmin(pg_current_snapshot()))
            and not exists (select from others where confirmed is null)
          order by xid limit ${FORGOTTEN})) returning 1
      )
      select count(*) = ${FORGOTTEN} as more from old`,
    values: [gone.map(({ id }) => id), gone.map(({ version }) => version)],
  };
}

/**
 * Transactions are numbered by each cluster for itself: rows of a dump restored into another one may carry numbers that are still to
 * come there. They count as made now.
 */
export async function mendForeignNumbers(pool: Pool): Promise<void> {
  await pool.query(
    'update notifications set xid = pg_current_xact_id() where xid >= pg_snapshot_xmax(pg_current_snapshot())',
  );
  await pool.query(
    'update zone_news set xid = pg_current_xact_id() where xid >= pg_snapshot_xmax(pg_current_snapshot())',
  );
  await pool.query('delete from served_changes where xid >= pg_snapshot_xmax(pg_current_snapshot())');
}
