import type { Client, Pool } from '../pool.ts';
import type { Advance } from './advance.ts';

const MOST = 20_000; // versions in one statement

/** Says, with the versions themselves, that there are some to tell of. */
export async function writeNews(client: Client, advances: readonly Advance[]): Promise<void> {
  await client.query(
    'insert into zone_news (zone_id, serial) select * from unnest($1::bigint[], $2::bigint[])',
    [advances.map((advance) => advance.zoneId), advances.map((advance) => advance.serial)],
  );
}

/** Whether there are some, of which somebody may be making rows of the outbox just now. */
export async function areNews(pool: Pool): Promise<boolean> {
  const { rows } = await pool.query<{ any: boolean }>({
    name: 'are news',
    text: 'select exists (select from zone_news) as any',
  });
  return rows[0]?.any === true;
}

/**
 * Makes of news the rows of the outbox: one for each address of each secondary that may have the zone, the newest serial in place of older
 * ones. Not in a publication's own transaction, as rows that NOTIFY has written since its snapshot would fail it; whoever publishes does this right
 * after, and whoever sends and finds nothing does it too, so that nothing is lost with a process:
 * while that one is at it this waits. To be called outside of a transaction.
 */
export async function spreadNews(pool: Pool): Promise<void> {
  await pool.query({
    name: 'spread news',
    // a crash of PostgreSQL takes all of it or nothing, and then the news are there again: NOTIFY need not wait for the disk
    text: `with hasty as materialized (select set_config('synchronous_commit', 'off', true)
      ), taken as (
        delete from zone_news where ctid = any (array(select ctid from zone_news order by zone_id, serial limit ${MOST} for update))
        returning zone_id, serial, xid, committed_at
      ), newest as (
        select distinct on (zone_id) zone_id, serial, xid, committed_at from taken order by zone_id, xid desc
      )
      insert into notifications as n (zone_id, secondary_id, address, serial, xid, committed_at)
      select z.id, s.id, a.address, news.serial, news.xid, news.committed_at
      from hasty, newest news join zones z on z.id = news.zone_id
      join secondaries s on s.notify and zoneferry_may_have(s, z)
      cross join lateral (select distinct address from unnest(s.addresses) as address) as a
      order by z.id, s.id, a.address
      on conflict (zone_id, secondary_id, address) do update set serial = excluded.serial, xid = excluded.xid, committed_at = excluded.committed_at,
        next_at = now(), attempts = 0, error = null, rcode = null
      -- two who do this at once may come in either order; who was registered meanwhile may have a row of a later number and an older serial
      where n.serial <> excluded.serial and (n.xid <= excluded.xid or zoneferry_newer(excluded.serial, n.serial))`,
  });
}
