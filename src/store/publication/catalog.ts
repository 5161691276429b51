import { fixedNamesOf, memberLabel, memberOwner } from '../../zone/catalog.ts';
import type { Client, Pool } from '../pool.ts';
import type { LockedZone, Names } from './read.ts';

/** Whether zone `z` has a version, and a secondary that names catalog `c` may have it. */
const IS_MEMBER = `not z.catalog and z.published_serial is not null
  and exists (select from secondaries s where s.catalog = c.name and zoneferry_may_have(s, z))`;
const LABEL = 'zoneferry_member_label(z.id, z.name) collate "C"';

/**
 * The zones that are members of catalogs now, each by `<id of the catalog>/<name in the catalog>`, for those of the names given.
 * `offset 0` keeps it to a look into the index a name, as where names are read.
 */
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
  const { rows } = await client.query<{ catalog_id: string; label: string; name: string }>(
    `select c.id as catalog_id, n.label, z.name
     from unnest($1::bigint[], $2::text[]) as n (zone_id, label)
     join (select * from zones where id = any ($1::bigint[]) offset 0) as c on c.id = n.zone_id
     cross join lateral (select * from zones z where ${LABEL} = n.label collate "C" offset 0) as z
     where ${IS_MEMBER}`,
    [wanted.zoneIds, wanted.labels],
  );
  return new Map(
    rows.map((row) => [
      `${row.catalog_id}/${memberOwner(row.label, catalogs.get(row.catalog_id) ?? '')}`,
      row.name,
    ]),
  );
}

/** Has every catalog looked at as a whole once more. */
export async function markCatalogs(pool: Pool): Promise<void> {
  await pool.query(
    `with marked as (insert into zone_marks (zone_id, owner) select id, null from zones where catalog returning zone_id)
     select pg_notify('zoneferry_marks', '') where exists (select from marked)`,
  );
}

/** All names of a catalog, those that it has and those that it should have, in slices: from one look at all zones. */
export async function* wholeCatalog(
  client: Client,
  catalog: LockedZone,
  slice: number,
): AsyncGenerator<Names> {
  const namesOf = (owners: string[]) => ({ zoneIds: owners.map(() => catalog.id), owners });
  const fixed = fixedNamesOf(catalog.name);
  yield namesOf(fixed);
  await client.query(
    `declare catalog_names no scroll cursor for
     select owner from transfer_records where zone_id = ${BigInt(catalog.id)}
     union
     select ${LABEL} || '.zones.' || c.name from zones c, zones z where c.id = ${BigInt(catalog.id)} and ${IS_MEMBER}
     order by 1`,
  );
  for (;;) {
    const { rows } = await client.query<{ owner: string }>(`fetch ${slice} from catalog_names`);
    if (rows.length === 0) break;
    yield namesOf(rows.map((row) => row.owner).filter((owner) => !fixed.includes(owner)));
  }
  await client.query('close catalog_names');
}
