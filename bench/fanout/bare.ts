import type { Pool } from '../../src/store/pool.ts';

/**
 * The least that the move of a target has to write, by SQL alone: copies of the tables with their indexes, but without triggers and
 * foreign keys, and one transaction of a statement a table. Nothing is decided or checked, and nobody could edit meanwhile.
 */
export async function prepareBare(pool: Pool): Promise<void> {
  for (const table of [
    'zones',
    'transfer_records',
    'zone_changes',
    'notifications',
    'aliases',
    'zone_marks',
    'served_changes',
  ]) {
    await pool.query(`create table bare_${table} (like ${table} including all)`);
    if (table !== 'zone_marks' && table !== 'served_changes')
      await pool.query(`insert into bare_${table} overriding system value select * from ${table}`);
  }
  await pool.query(
    `select setval(pg_get_serial_sequence('bare_transfer_records', 'id'), (select max(id) from transfer_records))`,
  );
  await pool.query('vacuum analyze');
}

/** One move; gives its milliseconds. */
export async function moveBare(pool: Pool, address: string): Promise<number> {
  const client = await pool.connect();
  const rdata = Buffer.from(address.split('.').map(Number));
  try {
    await pool.query('checkpoint');
    const begun = performance.now();
    await client.query('begin isolation level repeatable read');
    await client.query(
      `insert into bare_zone_marks (zone_id, owner, cause) select zone_id, owner, '{"by": "alias", "target": "cdn.example.net."}' from bare_aliases`,
    );
    await client.query('select id from bare_zones order by id for no key update');
    await client.query('delete from bare_zone_marks');
    await client.query(
      `insert into bare_zone_changes (zone_id, from_serial, to_serial, old_soa, old_soa_ttl, new_soa, new_soa_ttl, deleted, added,
         deleted_count, added_count, reason, created_at)
       select z.id, z.published_serial, z.published_serial + 1, z.published_soa, z.published_soa_ttl,
         overlay(z.published_soa placing int4send((z.published_serial + 1)::integer) from octet_length(z.published_soa) - 19), z.published_soa_ttl,
         t.rdata, $1::bytea, 1, 1, '{"causes": [{"by": "alias", "target": "cdn.example.net."}]}', clock_timestamp()
       from bare_aliases a join bare_zones z on z.id = a.zone_id
       join bare_transfer_records t on t.zone_id = a.zone_id and t.owner = a.owner and t.type = 'A'`,
      // as long as the packed record is: owner, type, class, TTL and length before the address
      [Buffer.concat([Buffer.alloc(26), rdata])],
    );
    await client.query(
      `delete from bare_transfer_records t using bare_aliases a where t.zone_id = a.zone_id and t.owner = a.owner and t.type = 'A'`,
    );
    await client.query(
      `insert into bare_transfer_records (zone_id, owner, name, type, ttl, content, rdata, source_record_id)
       select zone_id, owner, owner, 'A', 60, $1, $2::bytea, record_id from bare_aliases`,
      [address, rdata],
    );
    await client.query(
      `update bare_zones set serial = published_serial + 1, published_serial = published_serial + 1, published_at = clock_timestamp(),
         published_soa = overlay(published_soa placing int4send((published_serial + 1)::integer) from octet_length(published_soa) - 19)`,
    );
    await client.query(`insert into bare_served_changes (zone) select name from bare_zones`);
    await client.query(
      `insert into bare_notifications (zone_id, secondary_id, address, serial)
       select z.id, s.id, a, z.published_serial from bare_zones z cross join secondaries s cross join unnest(s.addresses) as a
       order by z.id, s.id, a
       on conflict (zone_id, secondary_id, address) do update set serial = excluded.serial, committed_at = now(), next_at = now(),
         attempts = 0, error = null, rcode = null`,
    );
    await client.query('commit');
    return performance.now() - begun;
  } finally {
    client.release();
  }
}
