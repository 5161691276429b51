import { changeId } from '../../trace.ts';
import { reasonJson } from '../../zone/cause.ts';
import type { Client } from '../pool.ts';
import type { Advance } from './advance.ts';

/**
 * Serials return after 2^32 steps: what is left from the last time round gives way. A changeset from a serial that is not older than
 * the new one (RFC 1982) would join into a chain that skips everything between.
 */
async function forgetOldRounds(client: Client, advances: readonly Advance[]): Promise<void> {
  const steps = advances.filter((advance) => advance.from);
  if (steps.length === 0) return;
  // for each zone two looks into the index, which find nothing but once a round
  const { rows } = await client.query<{ zone_id: string; from_serial: string }>(
    `select c.zone_id, c.from_serial from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as a (zone_id, from_serial, serial)
     cross join lateral (
       (select zone_id, from_serial from zone_changes
        where zone_id = a.zone_id and from_serial >= a.serial and from_serial <= a.serial + 2147483648 offset 0)
       union all
       (select zone_id, from_serial from zone_changes where zone_id = a.zone_id and from_serial <= a.serial - 2147483648 offset 0)
     ) as c
     where c.from_serial <> a.from_serial`,
    [
      steps.map((step) => step.zoneId),
      steps.map((step) => step.from?.serial),
      steps.map((step) => step.serial),
    ],
  );
  if (rows.length === 0) return;
  await client.query(
    `delete from zone_changes c using unnest($1::bigint[], $2::bigint[]) as o (zone_id, from_serial)
     where c.zone_id = o.zone_id and c.from_serial = o.from_serial`,
    [rows.map((row) => row.zone_id), rows.map((row) => row.from_serial)],
  );
}

/** The changeset of each zone, from the serial before it. */
export async function writeJournal(client: Client, advances: readonly Advance[]): Promise<void> {
  const steps = advances.flatMap((advance) =>
    advance.from && advance.deleted && advance.added
      ? [{ ...advance, from: advance.from, deleted: advance.deleted, added: advance.added }]
      : [],
  );
  await forgetOldRounds(client, advances);
  if (steps.length === 0) return;
  await client.query(
    `insert into zone_changes (zone_id, from_serial, to_serial, old_soa, old_soa_ttl, new_soa, new_soa_ttl, deleted, added,
       deleted_count, added_count, reason, change, created_at)
     select s.*, clock_timestamp() from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::integer[], $6::bytea[], $7::integer[],
       $8::bytea[], $9::bytea[], $10::integer[], $11::integer[], $12::jsonb[], $13::uuid[]) as s
     on conflict (zone_id, from_serial) do update set to_serial = excluded.to_serial, old_soa = excluded.old_soa,
       old_soa_ttl = excluded.old_soa_ttl, new_soa = excluded.new_soa, new_soa_ttl = excluded.new_soa_ttl, deleted = excluded.deleted,
       added = excluded.added, deleted_count = excluded.deleted_count, added_count = excluded.added_count, reason = excluded.reason, change = excluded.change,
       created_at = excluded.created_at`,
    [
      steps.map((step) => step.zoneId),
      steps.map((step) => step.from.serial),
      steps.map((step) => step.serial),
      steps.map((step) => step.from.soa),
      steps.map((step) => step.from.soaTtl),
      steps.map((step) => step.soa),
      steps.map((step) => step.soaTtl),
      steps.map((step) => step.deleted),
      steps.map((step) => step.added),
      steps.map((step) => step.deletedCount),
      steps.map((step) => step.addedCount),
      steps.map((step) => reasonJson(step.causes, step.joined)),
      steps.map((step) => changeId(step.change)),
    ],
  );
}

/** The edits that these versions are the first to show: what `records` held before them is known by the version. */
export async function claimSourceHistory(client: Client, advances: readonly Advance[]): Promise<void> {
  await client.query(
    `update record_history h set serial = a.serial from unnest($1::bigint[], $2::bigint[]) as a (zone_id, serial)
     where h.zone_id = a.zone_id and h.serial is null`,
    [advances.map((advance) => advance.zoneId), advances.map((advance) => advance.serial)],
  );
}
