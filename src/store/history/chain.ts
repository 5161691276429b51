import type { Client, Pool } from '../pool.ts';

/** One version's changeset, without its records. */
export interface Step {
  from: number;
  to: number;
  at: Date;
  deleted: number;
  added: number;
  /** By what it is followed in the log; null for versions of before there were such ids. */
  change: string | null;
  /** As the journal has it: see readReason. */
  reason: object;
  /** Whether the source before it is known. */
  sourceKnown: boolean;
  /** The SOA that it took the place of. */
  oldSoa: Buffer;
  oldSoaTtl: number;
}

/** Which steps to read: at most `limit`, and those down to the one that starts at serial `until`. */
export interface Reach {
  limit?: number;
  until?: number;
}

/**
 * The changesets that lead to the published version, newest first. Serials go round and clocks step back, so the journal is walked
 * from its end, one step joining on to the other, and not sorted.
 */
export async function readSteps(client: Pool | Client, zoneId: string, reach: Reach): Promise<Step[]> {
  const walked = await walk(client, zoneId, reach);
  const { rows } = await client.query(
    `select from_serial, to_serial, created_at, deleted_count, added_count, encode(uuid_send(change), 'hex') as change, reason, source_known, old_soa, old_soa_ttl
     from zone_changes where zone_id = $1::bigint and from_serial = any ($2::bigint[])`,
    [zoneId, walked],
  );
  const steps = new Map(
    rows.map((row) => [
      Number(row.from_serial),
      {
        from: Number(row.from_serial),
        to: Number(row.to_serial),
        at: row.created_at,
        deleted: row.deleted_count,
        added: row.added_count,
        change: row.change,
        reason: row.reason,
        sourceKnown: row.source_known,
        oldSoa: row.old_soa,
        oldSoaTtl: row.old_soa_ttl,
      },
    ]),
  );
  return walked.flatMap((from) => steps.get(from) ?? []);
}

/** The serials that these steps start at. */
async function walk(
  client: Pool | Client,
  zoneId: string,
  { limit = Number.POSITIVE_INFINITY, until }: Reach,
): Promise<number[]> {
  const { rows } = await client.query<{ from: string; to: string; published: string }>(
    `select c.from_serial as from, c.to_serial as to, z.published_serial as published
     from zones z join zone_changes c on c.zone_id = z.id where z.id = $1::bigint`,
    [zoneId],
  );
  const before = new Map(rows.map((row) => [Number(row.to), Number(row.from)]));
  const walked: number[] = [];
  let at: number | undefined = rows[0] && Number(rows[0].published);
  while (at !== undefined && at !== until && walked.length < limit) {
    const from = before.get(at);
    if (from !== undefined) walked.push(from);
    before.delete(at);
    at = from;
  }
  return walked;
}

/** The oldest serial that the journal still reaches from the published version. */
export async function oldestSerial(client: Pool | Client, zoneId: string): Promise<number | undefined> {
  return (await walk(client, zoneId, {})).at(-1);
}
