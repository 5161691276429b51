import { absoluteName } from '../dns/name.ts';
import { aliasPolicy } from '../zone/alias/policy.ts';
import { difference } from '../zone/changeset.ts';
import { type Answers, desiredRecords } from '../zone/desired.ts';
import type { PublishedRecord, ServedRecord } from '../zone/record.ts';
import { incrementalSize } from '../zone/transfer-size.ts';
import { followAll } from './in-zone/following.ts';
import type { Pool } from './pool.ts';
import { aliasesOf, cappedBy } from './publication/answers.ts';
import { toWire } from './publication/names.ts';
import { type Names, readAliases, readPublished, readSources } from './publication/read.ts';

/** What a zone would lose and gain. */
export interface WouldChange {
  zoneId: string;
  zone: string;
  deleted: PublishedRecord[];
  added: ServedRecord[];
  /** The targets that move it. */
  targets: string[];
  /** Octets of the IXFR that brings it; 0 where the zone has no version yet. */
  ixfrBytes: number;
}

interface Follower {
  zone_id: string;
  owner: string;
  target: string;
  zone: string;
  published_serial: string | null;
  published_soa: Buffer;
  published_soa_ttl: number;
}

const SLICE = 5_000;

/** What would be published differently, zone by zone in the order of names, if these targets answered so. Nothing is written. */
export async function* wouldChange(
  pool: Pool,
  zoneIds: readonly string[] | undefined,
  targets: readonly string[],
  answers: Answers,
): AsyncGenerator<WouldChange> {
  const { rows } = await pool.query<Pick<Follower, 'zone_id' | 'owner' | 'target'>>(
    `select a.zone_id, a.owner, a.target from aliases a join zones z on z.id = a.zone_id
     where a.target = any ($1::text[]) and ($2::bigint[] is null or a.zone_id = any ($2::bigint[])) order by z.name, a.owner`,
    [targets, zoneIds ?? null],
  );
  let zone: { row: Follower; change: WouldChange } | undefined;
  for (let from = 0; from < rows.length; from += SLICE) {
    for (const { row, deleted, added } of await changesAt(pool, rows.slice(from, from + SLICE), answers)) {
      if (zone?.row.zone_id !== row.zone_id) {
        if (zone) yield withSize(zone);
        const change = {
          zoneId: row.zone_id,
          zone: row.zone,
          deleted: [],
          added: [],
          targets: [],
          ixfrBytes: 0,
        };
        zone = { row, change };
      }
      zone.change.deleted.push(...deleted);
      zone.change.added.push(...added);
      if (!zone.change.targets.includes(row.target)) zone.change.targets.push(row.target);
    }
  }
  if (zone) yield withSize(zone);
}

async function changesAt(
  pool: Pool,
  slice: readonly Pick<Follower, 'zone_id' | 'owner' | 'target'>[],
  answers: Answers,
): Promise<{ row: Follower; deleted: PublishedRecord[]; added: ServedRecord[] }[]> {
  const names: Names = {
    zoneIds: slice.map((row) => row.zone_id),
    owners: slice.map((row) => row.owner),
  };
  const client = await pool.connect();
  try {
    const sources = byName(await readSources(client, names));
    const published = byName(await readPublished(client, names));
    const known = await readAliases(client, names);
    const ways = await followAll(client, aliasesOf(sources, published, known), {
      policy: aliasPolicy(),
      now: 0,
    });
    const along = cappedBy(ways, answers);
    const { rows } = await client.query<Follower>(
      'select id as zone_id, name as zone, published_serial, published_soa, published_soa_ttl from zones where id = any ($1::bigint[])',
      [[...new Set(names.zoneIds)]],
    );
    const zones = new Map(rows.map((row) => [row.zone_id, row]));
    return slice.flatMap(({ zone_id, owner, target }) => {
      const zone = zones.get(zone_id);
      const before = published.get(`${zone_id}/${owner}`) ?? [];
      const desired = desiredRecords(sources.get(`${zone_id}/${owner}`) ?? [], before, along);
      const { deleted, added } = difference(before, desired.records);
      if (!zone || deleted.length + added.length === 0) return [];
      return { row: { ...zone, owner, target }, deleted, added };
    });
  } finally {
    client.release();
  }
}

function withSize({ row, change }: { row: Follower; change: WouldChange }): WouldChange {
  if (row.published_serial === null) return change;
  const zone = {
    name: absoluteName(row.zone),
    serial: Number(row.published_serial),
    soa: row.published_soa,
    soaTtl: row.published_soa_ttl,
  };
  const ixfrBytes = incrementalSize(zone, change.deleted.map(toWire), change.added.map(toWire));
  return { ...change, ixfrBytes };
}

function byName<T extends { zoneId: string; owner: string }>(rows: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const key = `${row.zoneId}/${row.owner}`;
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return groups;
}

/** What a change of zones sets in motion at secondaries. */
export interface Blast {
  /** NOTIFYs, one for each zone and address of a secondary that may have it. */
  notifies: number;
  secondaries: number;
  /** Octets of IXFR, over all secondaries that have a version to begin with. */
  ixfrBytes: number;
  /** Zones and secondaries for which there is none, and about so many octets of AXFR. */
  axfrs: number;
  axfrBytes: number;
}

/**
 * What new versions of these zones would set in motion. A secondary takes a zone whole where it has not shown a serial yet, or one that
 * the journal doesn't begin with. Octets of a whole zone are estimated: each name is written once.
 */
export async function blastOf(
  pool: Pool,
  zones: readonly Pick<WouldChange, 'zoneId' | 'ixfrBytes'>[],
): Promise<Blast> {
  const { rows } = await pool.query<Record<keyof Blast, string>>(
    `with changing as (select * from unnest($1::bigint[], $2::bigint[]) as c (zone_id, octets)),
     pairs as (
       select z.id, s.id as secondary_id, c.octets, cardinality(array(select distinct unnest(s.addresses))) as addresses,
         coalesce(l.shown_serial = z.published_serial
           or exists (select from zone_changes j where j.zone_id = z.id and j.from_serial = l.shown_serial), false) as has_version
       from changing c join zones z on z.id = c.zone_id join secondaries s on s.notify and zoneferry_may_have(s, z)
       left join convergence l on l.zone_id = z.id and l.secondary_id = s.id),
     whole as (select id, count(*) as times from pairs where not has_version group by id),
     sizes as (
       select w.times, (
         select coalesce(sum(octet_length(t.rdata) + 12), 0) + coalesce(sum(octet_length(t.name)) filter (where t.first), 0)
         from (select rdata, name, row_number() over (partition by owner order by id) = 1 as first from transfer_records where zone_id = w.id) as t
       ) + 2 * (octet_length(z.published_soa) + 12) as octets
       from whole w join zones z on z.id = w.id)
     select coalesce(sum(addresses), 0) as notifies, count(distinct secondary_id) as secondaries,
       coalesce(sum(octets) filter (where has_version), 0) as "ixfrBytes", count(*) filter (where not has_version) as axfrs,
       (select coalesce(sum(times * octets), 0) from sizes) as "axfrBytes"
     from pairs`,
    [zones.map(({ zoneId }) => zoneId), zones.map(({ ixfrBytes }) => ixfrBytes)],
  );
  const row = rows[0];
  return {
    notifies: Number(row?.notifies ?? 0),
    secondaries: Number(row?.secondaries ?? 0),
    ixfrBytes: Number(row?.ixfrBytes ?? 0),
    axfrs: Number(row?.axfrs ?? 0),
    axfrBytes: Number(row?.axfrBytes ?? 0),
  };
}
