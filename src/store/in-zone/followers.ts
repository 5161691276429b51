import { newChange } from '../../trace.ts';
import { type Cause, followCause, isFollowing } from '../../zone/cause.ts';
import { namesAbove, namesWithin } from '../../zone/in-zone/names.ts';
import type { Client } from '../pool.ts';
import type { LockedZone, Mark } from '../publication/read.ts';

interface Edits {
  zoneIds: string[];
  names: string[];
  /** True: the name itself was edited; false: something below it. */
  direct: boolean[];
  /** True: the zone's own name, whose NS are no zone cut. */
  apex: boolean[];
}

/**
 * Who has to be published again for what is marked here: the ALIAS records whose addresses were read from a name that was edited, or that
 * lead below a zone that is new. Gives the marks of those in `ready` zones, which are published along; those elsewhere are marked.
 * A target elsewhere whose chain comes into our zones is made due.
 */
export async function spreadMarks(
  client: Client,
  zones: readonly LockedZone[],
  ready: readonly LockedZone[],
  marks: readonly Mark[],
  gone: readonly string[],
): Promise<{ marks: Mark[]; marked: boolean; due: boolean }> {
  const edits = editsOf(zones, marks);
  const marked = new Set(marks.flatMap(({ zoneId, owner }) => (owner === null ? [zoneId] : [])));
  const anew = zones.filter(
    ({ id, stale, publishedSerial }) => stale || publishedSerial === undefined || marked.has(id),
  );
  const whole = [...anew.map(({ id }) => id), ...gone];
  const fresh = anew.filter(({ publishedSerial }) => publishedSerial === undefined);
  if (edits.names.length + whole.length === 0) return { marks: [], marked: false, due: false };
  if (fresh.length === 0 && !(await readsAnything(client))) return { marks: [], marked: false, due: false };
  const values = [edits.zoneIds, edits.names, edits.direct, edits.apex, whole, fresh.map(({ name }) => name)];
  const { rows } = await client.query<{ zone_id: string; owner: string; name: string; due: boolean }>(
    `with ${EDITED}, ${READ_FROM('alias_names', 'd.zone_id, d.owner, d.name')}, ${READ_FROM('target_names', 'd.target')},
     due as (update alias_targets set due_at = now() where name in (select target from from_target_names) returning 1)
     select zone_id, owner, min(name) as name, false as due from (
       select * from from_alias_names
       union all
       select a.zone_id, a.owner, a.target from unnest($6::text[]) as z (name) join aliases a on ${isBelow('a.target', 'z.name')}
       union all
       select a.zone_id, a.owner, a.target from unnest($6::text[]) as z (name) join aliases a on a.target = z.name collate "C"
     ) as followers group by zone_id, owner
     union all
     (select null, null, null, true from due limit 1)`,
    values,
  );
  const followers = rows.filter((row) => !row.due);
  const origins = marksByName(marks, zones);
  const spread = followers.map((row) => {
    const origin = origins(row.name);
    const edit = origin && (JSON.parse(origin.cause ?? '{}') as Cause);
    return {
      ...row,
      cause: JSON.stringify(followCause(row.name, edit)),
      change: origin?.change ?? newChange(),
    };
  });
  const isReady = new Set(ready.map(({ id }) => id));
  const elsewhere = spread.filter((row) => !isReady.has(row.zone_id));
  if (elsewhere.length > 0)
    await client.query(
      'insert into zone_marks (zone_id, owner, cause, change) select * from unnest($1::bigint[], $2::text[], $3::jsonb[], $4::text[])',
      [
        elsewhere.map((row) => row.zone_id),
        elsewhere.map((row) => row.owner),
        elsewhere.map((row) => row.cause),
        elsewhere.map((row) => row.change),
      ],
    );
  return {
    marks: spread.flatMap(({ zone_id, owner, cause, change }) =>
      isReady.has(zone_id) ? [{ zoneId: zone_id, owner, cause, change, moved: false }] : [],
    ),
    marked: elsewhere.length > 0,
    due: rows.some((row) => row.due),
  };
}

/** Whether any ALIAS, or chain from elsewhere, leads through our zones at all: mostly none does, and the large question is saved. */
async function readsAnything(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ any: boolean }>(
    'select exists (select from alias_names) or exists (select from target_names) as any',
  );
  return rows[0]?.any === true;
}

/** The mark of what was done to a name, or to the zone that it lies in. */
function marksByName(
  marks: readonly Mark[],
  zones: readonly LockedZone[],
): (name: string) => Mark | undefined {
  const apexes = new Map(zones.map(({ id, name }) => [id, name]));
  const known = new Map<string, Mark>();
  for (const mark of marks) {
    const name = mark.owner || apexes.get(mark.zoneId);
    if (mark.cause !== null && name !== undefined && !known.has(name)) known.set(name, mark);
  }
  return (name) => {
    const nearest = [name, ...namesAbove(name)].find((above) => known.has(above));
    return nearest === undefined ? undefined : known.get(nearest);
  };
}

/** A follower that is published again edits nothing: a ring of them would go round for ever. */
function editsOf(zones: readonly LockedZone[], marks: readonly Mark[]): Edits {
  const apexes = new Map(zones.map(({ id, name, catalog }) => [id, catalog ? undefined : name]));
  const edits: Edits = { zoneIds: [], names: [], direct: [], apex: [] };
  const add = (zoneId: string, name: string, direct: boolean, apex: boolean) => {
    edits.zoneIds.push(zoneId);
    edits.names.push(name);
    edits.direct.push(direct);
    edits.apex.push(apex);
  };
  for (const { zoneId, owner, moved, cause } of marks) {
    const apex = apexes.get(zoneId);
    if (!owner || apex === undefined || moved || isFollowing(cause)) continue;
    const [name = owner, ...above] = namesWithin(owner, apex);
    add(zoneId, name, true, name === apex);
    for (const higher of above) add(zoneId, higher, false, false);
  }
  return edits;
}

/**
 * The rows of a table of readings that these edits concern, as the query `from_` that table: those of the name itself; those of everything below a
 * name above it; those below a zone cut or a DNAME that stands there now; all those of a zone read whole; and those below a new zone's name.
 */
const READ_FROM = (table: 'alias_names' | 'target_names', columns: string) =>
  `from_${table} as (
     select ${columns} from edited e join ${table} d on d.in_zone = e.zone_id and d.name = e.name collate "C" and (e.direct or d.under)
     union all
     select ${columns} from cuts c join ${table} d on d.in_zone = c.zone_id and ${isBelow('d.name', 'c.name')}
     union all
     select ${columns} from ${table} d where d.in_zone = any ($5::bigint[])
     union all
     select ${columns} from unnest($6::text[]) as z (name) join ${table} d on ${isBelow('d.name', 'z.name')}
     union all
     select ${columns} from unnest($6::text[]) as z (name) join ${table} d on reverse(d.name) = reverse(z.name) collate "C"
   )`;

/** The names edited, and those of them where a zone cut or a DNAME stands now. */
const EDITED = `edited as materialized (select distinct zone_id, name, direct, apex from unnest($1::bigint[], $2::text[], $3::boolean[], $4::boolean[]) as e (zone_id, name, direct, apex)),
   cuts as materialized (
     select e.zone_id, e.name from edited e where e.direct and exists (
       select from records r where r.zone_id = e.zone_id and r.owner = e.name collate "C" and not r.disabled
         and (r.type = 'DNAME' or r.type = 'NS' and not e.apex))
   )`;

/** By the index on reversed names; an escaped dot is taken for one between labels, which costs a look in vain. */
function isBelow(name: string, other: string): string {
  return `reverse(${name}) >= reverse('.' || ${other}) collate "C" and reverse(${name}) < (reverse('.' || ${other}) || chr(127)) collate "C"`;
}
