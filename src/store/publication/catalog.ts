import { fixedNamesOf, memberLabel, memberOwner, membersBelow } from '../../zone/catalog.ts';
import type { Client } from '../pool.ts';
import type { LockedZone, Names } from './read.ts';

/** Zones that have a version and that a secondary naming catalog `c` may have. */
const MEMBER = `not z.catalog and z.published_serial is not null
  and exists (select from secondaries s where s.catalog = c.name and zoneferry_may_have(s, z))`;
const LABEL = 'zoneferry_member_label(z.id, z.name) collate "C"';

/** The zones that are members of catalogs now, each by `<id of the catalog>/<name in the catalog>`, for those of the names given. */
export async function readMembers(
  client: Client,
  names: Names,
  catalogs: ReadonlyMap<string, string>,
): Promise<Map<string, string>> {
  const wanted = { zoneIds: [] as string[], labels: [] as string[] };
  names.zoneIds.forEach((zoneId, index) => {
    const catalog = catalogs.get(zoneId);
    const label = catalog === undefined ? undefined : memberLabel(names.owners[index] ?? '', catalog);
    if (label === undefined) return;
    wanted.zoneIds.push(zoneId);
    wanted.labels.push(label);
  });
  if (wanted.labels.length === 0) return new Map();
  const { rows } = await client.query<{ catalog_id: string; catalog: string; label: string; name: string }>(
    `select c.id as catalog_id, c.name as catalog, n.label, z.name
     from unnest($1::bigint[], $2::text[]) as n (zone_id, label)
     join zones c on c.id = n.zone_id
     join zones z on ${LABEL} = n.label collate "C"
     where ${MEMBER}`,
    [wanted.zoneIds, wanted.labels],
  );
  return new Map(rows.map((row) => [`${row.catalog_id}/${memberOwner(row.label, row.catalog)}`, row.name]));
}

/** All names of a catalog, those that it has and those that it should have, in slices. */
export async function* wholeCatalog(
  client: Client,
  catalog: LockedZone,
  slice: number,
): AsyncGenerator<Names> {
  const namesOf = (owners: string[]) => ({ zoneIds: owners.map(() => catalog.id), owners });
  yield namesOf(fixedNamesOf(catalog.name));
  for (let after = ''; ; ) {
    const owners = await membersAfter(client, catalog, after, slice);
    if (owners.length === 0) return;
    yield namesOf(owners);
    after = owners.at(-1) ?? '';
  }
}

/** Labels are of one length, so that their order is that of the names. */
async function membersAfter(
  client: Client,
  catalog: LockedZone,
  after: string,
  limit: number,
): Promise<string[]> {
  const { rows } = await client.query<{ owner: string }>(
    `select owner from (
       (select distinct owner from transfer_records
        where zone_id = $1::bigint and owner > $2 and right(owner, length($4)) = $4 order by owner limit $3)
       union
       (select ${LABEL} || $4 from zones z join zones c on c.id = $1::bigint
        where ${LABEL} > $5 collate "C" and ${MEMBER} order by ${LABEL} limit $3)
     ) as names order by owner collate "C" limit $3`,
    [catalog.id, after, limit, `.${membersBelow(catalog.name)}`, memberLabel(after, catalog.name) ?? ''],
  );
  return rows.map((row) => row.owner);
}
