import { lookUp, namesToRead, type OwnRecord } from '../../zone/in-zone/lookup.ts';
import { namesAbove } from '../../zone/in-zone/names.ts';
import { startWalk, step, type Walk, type Way } from '../../zone/in-zone/way.ts';
import type { Client } from '../pool.ts';

interface Zone {
  id: string;
  apex: string;
  /** Whether it has what a zone needs to be published: an NS at its apex. */
  complete: boolean;
}

/**
 * Where each of these targets leads through our own zones, by `records` as this transaction sees them. Costs a few queries however many
 * there are; one alone where none of them is ours. `past`: the names that lead to all of them.
 */
export async function findWays(
  client: Client,
  targets: readonly string[],
  past: readonly string[] = [],
): Promise<Map<string, Way>> {
  const walks = new Map(targets.map((target) => [target, startWalk(target, past)]));
  for (let open = [...walks.values()]; open.length > 0; open = open.filter(({ end }) => !end)) {
    const zones = await deepestZones(client, new Set(open.map(here)));
    const ours: { walk: Walk; zone: Zone }[] = [];
    for (const walk of open) {
      const zone = zones.get(here(walk));
      if (!zone) walk.end = { kind: 'outside', target: here(walk) };
      else if (zone.complete) ours.push({ walk, zone });
      else stopAt(walk, zone);
    }
    await stepAll(client, ours);
  }
  return new Map([...walks].map(([target, walk]) => [target, wayOf(walk, past.length)]));
}

function here(walk: Walk): string {
  return walk.path.at(-1) ?? '';
}

function wayOf({ path, ttl, end, readings }: Walk, from: number): Way {
  return {
    path: path.slice(from),
    ttl,
    end: end ?? { kind: 'failed', detail: 'no end' },
    readings: [...readings.values()],
  };
}

/** Its secondaries have the last version or none: neither what stands in `records` nor what a resolver says is to be relied on. */
function stopAt(walk: Walk, zone: Zone): void {
  note(walk, zone, zone.apex, false);
  note(walk, zone, here(walk), false);
  walk.end = {
    kind: 'failed',
    detail: `${here(walk)} is in the zone ${zone.apex}, which has no NS record and is not published`,
  };
}

async function stepAll(client: Client, walks: readonly { walk: Walk; zone: Zone }[]): Promise<void> {
  if (walks.length === 0) return;
  const records = await readRecords(client, walks);
  const existing = new Map<string, boolean>();
  for (let open = walks; open.length > 0; ) {
    const unsure: { walk: Walk; zone: Zone; about: string }[] = [];
    for (const { walk, zone } of open) {
      const { found, read, under } = lookUp(here(walk), {
        apex: zone.apex,
        at: (owner) => records.get(`${zone.id}/${owner}`) ?? [],
        exists: (name) => existing.get(`${zone.id}/${name}`),
      });
      if (found.kind === 'unsure') {
        unsure.push({ walk, zone, about: found.about });
        continue;
      }
      for (const name of read) note(walk, zone, name, false);
      if (under !== undefined) note(walk, zone, under, true);
      step(walk, found);
    }
    if (unsure.length > 0) await readExistence(client, unsure, existing);
    open = unsure;
  }
}

function note(walk: Walk, zone: Zone, name: string, under: boolean): void {
  walk.readings.set(`${zone.id}/${name}/${under}`, { zoneId: zone.id, name, under });
}

/** The deepest zone of ours that each name lies in; none for the others. */
async function deepestZones(client: Client, names: ReadonlySet<string>): Promise<Map<string, Zone>> {
  const candidates = new Map([...names].map((name) => [name, [name, ...namesAbove(name)]]));
  const { rows } = await client.query<Zone>(
    `select z.id, z.name as apex, exists (
       select from records r where r.zone_id = z.id and r.owner = z.name collate "C" and r.type = 'NS' and not r.disabled) as complete
     from zones z where z.name = any ($1::text[]) and not z.catalog`,
    [[...new Set([...candidates.values()].flat())]],
  );
  const zones = new Map(rows.map((zone) => [zone.apex, zone]));
  const deepest = new Map<string, Zone>();
  if (zones.size === 0) return deepest;
  for (const [name, above] of candidates) {
    const apex = above.find((candidate) => zones.has(candidate));
    const zone = apex === undefined ? undefined : zones.get(apex);
    if (zone) deepest.set(name, zone);
  }
  return deepest;
}

async function readRecords(
  client: Client,
  walks: readonly { walk: Walk; zone: Zone }[],
): Promise<Map<string, OwnRecord[]>> {
  const zoneIds: string[] = [];
  const owners: string[] = [];
  const asked = new Set<string>();
  for (const { walk, zone } of walks) {
    for (const owner of namesToRead(here(walk), zone.apex)) {
      const key = `${zone.id}/${owner}`;
      if (asked.has(key)) continue;
      asked.add(key);
      zoneIds.push(zone.id);
      owners.push(owner);
    }
  }
  const { rows } = await client.query<OwnRecord & { zone_id: string; owner: string }>(
    // of other types it is enough that there is one
    `select n.zone_id, n.owner, r.type, min(r.ttl) as ttl, r.content from unnest($1::bigint[], $2::text[]) as n (zone_id, owner)
     cross join lateral (
       select case when type in ('A', 'AAAA', 'ALIAS', 'CNAME', 'DNAME', 'NS') then type else '' end as type, ttl,
         case when type in ('A', 'AAAA', 'ALIAS', 'CNAME', 'DNAME') then content else '' end as content
       from records r where r.zone_id = n.zone_id and r.owner = n.owner collate "C" and not r.disabled and r.problem is null offset 0
     ) as r group by n.zone_id, n.owner, r.type, r.content`,
    [zoneIds, owners],
  );
  const records = new Map<string, OwnRecord[]>();
  for (const { zone_id, owner, type, ttl, content } of rows) {
    const key = `${zone_id}/${owner}`;
    const known = records.get(key) ?? [];
    records.set(key, known);
    known.push({ type, ttl, content });
  }
  return records;
}

/** Which names exist, by themselves or by what stands below them. */
async function readExistence(
  client: Client,
  unsure: readonly { zone: Zone; about: string }[],
  existing: Map<string, boolean>,
): Promise<void> {
  const { rows } = await client.query<{ zone_id: string; name: string; found: boolean }>(
    `select n.zone_id, n.name,
       exists (select from records r where r.zone_id = n.zone_id and r.owner = n.name collate "C" and not r.disabled) or
       exists (select from records r where r.zone_id = n.zone_id and not r.disabled
         and reverse(r.owner) >= reverse('.' || n.name) collate "C" and reverse(r.owner) < (reverse('.' || n.name) || chr(127)) collate "C") as found
     from unnest($1::bigint[], $2::text[]) as n (zone_id, name)`,
    [unsure.map(({ zone }) => zone.id), unsure.map(({ about }) => about)],
  );
  for (const { zone_id, name, found } of rows) existing.set(`${zone_id}/${name}`, found);
}
