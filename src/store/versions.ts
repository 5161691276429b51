import { absoluteName } from '../dns/name.ts';
import type { JournalStep, PublishedZone } from '../zone/version.ts';
import type { Pool } from './pool.ts';

export const ZONE_COLUMNS =
  'id, name, published_serial, published_soa, published_soa_ttl, uuid_send(published_change) as published_change';

export interface ZoneRow {
  id: string;
  name: string;
  published_serial: string | null;
  published_soa: Buffer | null;
  published_soa_ttl: number | null;
  published_change: Buffer | null;
}

/** The published state of these zones, by name; a zone without a version is there with `undefined`. */
export async function readCurrent(
  pool: Pool,
  names: readonly string[],
): Promise<Map<string, PublishedZone | undefined>> {
  const { rows } = await pool.query<ZoneRow>({
    name: 'current versions',
    text: `select ${ZONE_COLUMNS} from zones where name = any ($1::text[])`,
    values: [names],
  });
  return new Map(rows.map((row) => [row.name, publishedZone(row)]));
}

/**
 * The connected chain of changes from one serial to another, oldest first. Undefined where a step is missing or the chain is larger
 * than `maxBytes` of records.
 */
export async function readHistory(
  pool: Pool,
  zoneId: string,
  from: number,
  to: number,
  maxBytes: number,
): Promise<JournalStep[] | undefined> {
  const { rows } = await pool.query({
    name: 'history',
    text: `with recursive chain as (
        select c.*, 1 as depth, (octet_length(deleted) + octet_length(added))::bigint as total
        from zone_changes c where zone_id = $1::bigint and from_serial = $2::bigint
        union all
        select c.*, chain.depth + 1, chain.total + octet_length(c.deleted) + octet_length(c.added)
        from chain join zone_changes c on c.zone_id = chain.zone_id and c.from_serial = chain.to_serial
        where chain.to_serial <> $3::bigint and chain.total <= $4::bigint and chain.depth < 10000
      )
      select from_serial, to_serial, old_soa, old_soa_ttl, new_soa, new_soa_ttl, deleted, added, total from chain order by depth`,
    values: [zoneId, from, to, maxBytes],
  });
  const last = rows.at(-1);
  if (!last || Number(last.to_serial) !== to || Number(last.total) > maxBytes) return undefined;
  return rows.map((row) => ({
    fromSerial: Number(row.from_serial),
    toSerial: Number(row.to_serial),
    oldSoa: row.old_soa,
    oldSoaTtl: row.old_soa_ttl,
    newSoa: row.new_soa,
    newSoaTtl: row.new_soa_ttl,
    deleted: row.deleted,
    added: row.added,
  }));
}

/** Undefined: the zone has no version. */
export function publishedZone(row: ZoneRow): PublishedZone | undefined {
  if (row.published_serial === null || row.published_soa === null) return undefined;
  return {
    zoneId: row.id,
    name: row.name,
    nameWire: absoluteName(row.name),
    serial: Number(row.published_serial),
    soa: row.published_soa,
    soaTtl: row.published_soa_ttl ?? 0,
    expire: row.published_soa.readUInt32BE(row.published_soa.length - 8),
    change: row.published_change?.toString('hex'),
  };
}
