import { followCause } from '../../zone/cause.ts';
import type { Reading } from '../../zone/in-zone/way.ts';
import type { Client } from '../pool.ts';
import type { KnownAlias } from '../publication/read.ts';
import type { Following } from './following.ts';

interface AliasReadings {
  zoneId: string;
  owner: string;
  readings: readonly Reading[];
}

/**
 * Remembers from which names of our zones the addresses of each ALIAS were read. Where that is new, the ALIAS is marked to be published
 * once more, and true returned: who edits one of the names while this transaction runs can't see yet who reads it, and a later snapshot
 * sees the edit. Without a difference that costs no serial.
 */
export async function rememberReadings(
  client: Client,
  known: ReadonlyMap<string, KnownAlias>,
  aliases: readonly KnownAlias[],
  following: ReadonlyMap<string, Following>,
): Promise<boolean> {
  const present = new Set(aliases.map(({ zoneId, owner }) => `${zoneId}/${owner}`));
  const gone = [...known.values()].filter(
    ({ zoneId, owner, path }) => path && !present.has(`${zoneId}/${owner}`),
  );
  const concerned = aliases.filter(({ recordId, path }) => path || known.get(recordId)?.path);
  return write(client, [
    ...gone.map(({ zoneId, owner }) => ({ zoneId, owner, readings: [] })),
    ...concerned.map(({ recordId, zoneId, owner }) => ({
      zoneId,
      owner,
      readings: following.get(recordId)?.readings ?? [],
    })),
  ]);
}

async function write(client: Client, aliases: readonly AliasReadings[]): Promise<boolean> {
  if (aliases.length === 0) return false;
  const { rows } = await client.query<{ zone_id: string; owner: string; readings: string[] }>(
    `select d.zone_id, d.owner, array_agg(concat_ws('/', d.in_zone, d.name, d.under::text)) as readings
     from unnest($1::bigint[], $2::text[]) as n (zone_id, owner)
     join alias_names d on d.zone_id = n.zone_id and d.owner = n.owner collate "C" group by d.zone_id, d.owner`,
    [aliases.map(({ zoneId }) => zoneId), aliases.map(({ owner }) => owner)],
  );
  const before = new Map(
    rows.map(({ zone_id, owner, readings }) => [`${zone_id}/${owner}`, readings.sort().join()]),
  );
  const changed = aliases.filter(
    ({ zoneId, owner, readings }) =>
      (before.get(`${zoneId}/${owner}`) ?? '') !== readings.map(keyOf).sort().join(),
  );
  if (changed.length === 0) return false;
  const names = [changed.map(({ zoneId }) => zoneId), changed.map(({ owner }) => owner)];
  await client.query(
    `delete from alias_names d using unnest($1::bigint[], $2::text[]) as n (zone_id, owner)
     where d.zone_id = n.zone_id and d.owner = n.owner collate "C"`,
    names,
  );
  const rowsNow = changed.flatMap(({ zoneId, owner, readings }) =>
    readings.map((reading) => ({ owner, of: zoneId, ...reading })),
  );
  await client.query(
    `insert into alias_names (zone_id, owner, in_zone, name, under)
     select * from unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::boolean[])`,
    [
      rowsNow.map(({ of }) => of),
      rowsNow.map(({ owner }) => owner),
      rowsNow.map(({ zoneId }) => zoneId),
      rowsNow.map(({ name }) => name),
      rowsNow.map(({ under }) => under),
    ],
  );
  const again = changed.filter(({ readings }) => readings.length > 0);
  await client.query(
    `insert into zone_marks (zone_id, owner, cause) select * from unnest($1::bigint[], $2::text[], $3::jsonb[])`,
    [
      again.map(({ zoneId }) => zoneId),
      again.map(({ owner }) => owner),
      again.map(({ readings }) => JSON.stringify(followCause(readings[0]?.name ?? ''))),
    ],
  );
  return again.length > 0;
}

function keyOf({ zoneId, name, under }: Reading): string {
  return `${zoneId}/${name}/${under}`;
}
