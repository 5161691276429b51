import type { Pool } from '../pool.ts';

/** The published serial of a zone and what its last versions changed: resource records in wire form, one after another. */
export interface Changed {
  serial: number;
  records: Buffer[];
}

const STEPS = 3; // versions looked at, newest first
const STEP_MAX = 256 * 1024; // octets; of larger ones the apex alone is compared

/** What changed last, in the order of `zoneIds`; undefined where the zone is gone or not published. */
export async function readChanged(pool: Pool, zoneIds: readonly string[]): Promise<(Changed | undefined)[]> {
  const { rows } = await pool.query({
    name: 'read changed',
    text: `select i.n, z.published_serial, c.deleted, c.added
      from unnest($1::bigint[]) with ordinality as i (zone_id, n)
      join zones z on z.id = i.zone_id and z.published_serial is not null
      left join lateral (
        select case when octet_length(deleted) + octet_length(added) <= ${STEP_MAX} then deleted else '' end as deleted,
          case when octet_length(deleted) + octet_length(added) <= ${STEP_MAX} then added else '' end as added
        from zone_changes where zone_id = z.id and from_serial < z.published_serial order by from_serial desc limit ${STEPS}
      ) c on true`,
    values: [zoneIds],
  });
  const found: (Changed | undefined)[] = zoneIds.map(() => undefined);
  for (const row of rows) {
    const changed = found[row.n - 1] ?? { serial: Number(row.published_serial), records: [] };
    found[row.n - 1] = changed;
    for (const bytes of [row.deleted, row.added] as (Buffer | null)[])
      if (bytes !== null && bytes.length > 0) changed.records.push(bytes);
  }
  return found;
}

/** An RRset by its canonical owner and type in words. */
export interface RrsetName {
  zoneId: string;
  owner: string;
  type: string;
}

/** An RRset as it is published. */
export interface Published {
  /** Of the zone, in the same snapshot. */
  serial: number;
  rdata: Buffer[];
  /** Whether a wildcard may answer for a name that is not there. */
  underWildcard: boolean;
}

/** RRsets as they are published, in the order of `names`; undefined where the zone is gone. */
export async function readPublished(
  pool: Pool,
  names: readonly RrsetName[],
): Promise<(Published | undefined)[]> {
  const { rows } = await pool.query({
    name: 'read published',
    text: `select i.n, z.published_serial, t.rdata,
        t.rdata is null and exists (select from transfer_records w where w.zone_id = z.id and w.owner >= '*.' and w.owner < '*/'
          and right(i.owner, length(w.owner) - 1) = substr(w.owner, 2)) as under_wildcard
      from unnest($1::bigint[], $2::text[], $3::text[]) with ordinality as i (zone_id, owner, type, n)
      join zones z on z.id = i.zone_id and z.published_serial is not null
      left join transfer_records t on t.zone_id = i.zone_id and t.owner = i.owner collate "C" and t.type = i.type`,
    values: [
      names.map((name) => name.zoneId),
      names.map((name) => name.owner),
      names.map((name) => name.type),
    ],
  });
  const found: (Published | undefined)[] = names.map(() => undefined);
  for (const row of rows) {
    const published = found[row.n - 1] ?? newPublished(row);
    found[row.n - 1] = published;
    if (row.rdata !== null) published.rdata.push(row.rdata);
  }
  return found;
}

function newPublished(row: { published_serial: string; under_wildcard: boolean }): Published {
  return { serial: Number(row.published_serial), rdata: [], underWildcard: row.under_wildcard };
}
