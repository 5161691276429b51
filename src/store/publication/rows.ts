import type { FollowOptions } from '../in-zone/following.ts';
import type { Client } from '../pool.ts';
import { wholeCatalog } from './catalog.ts';
import { type Rewritten, rewriteNames } from './names.ts';
import { allNames, type LockedZone, type Mark, type Names, namesAfter, smallZones } from './read.ts';

const SLICE = 5_000; // names of a whole zone handled at a time, to bound memory
const SMALL = 1_000; // rows up to which whole zones are read together

/** Steps "stale rows out, new rows in" for all that is marked of these zones. */
export async function rewriteRows(
  client: Client,
  zones: readonly LockedZone[],
  marks: readonly Mark[],
  options: FollowOptions,
): Promise<Rewritten> {
  const whole = new Set(
    zones.filter((zone) => zone.stale || zone.publishedSerial === undefined).map((zone) => zone.id),
  );
  for (const mark of marks) if (mark.owner === null) whole.add(mark.zoneId);
  const ids = new Set(zones.map((zone) => zone.id));
  const single = distinctNames(marks.filter((mark) => ids.has(mark.zoneId) && !whole.has(mark.zoneId)));
  const catalogs = new Map(zones.filter((zone) => zone.catalog).map((zone) => [zone.id, zone.name]));
  const result = await rewriteInSlices(client, single, catalogs, options);
  const small = await smallZones(
    client,
    [...whole].filter((id) => !catalogs.has(id)),
    SMALL,
  );
  if (small.size > 0)
    merge(
      result,
      await rewriteInSlices(client, await allNames(client, [...small]), catalogs, options),
      false,
    );
  for (const zone of zones) {
    if (!whole.has(zone.id) || small.has(zone.id)) continue;
    const slices = zone.catalog ? wholeCatalog(client, zone, SLICE) : wholeZone(client, zone, SLICE);
    for await (const names of slices)
      merge(result, await rewriteNames(client, names, catalogs, options), zone.publishedSerial === undefined);
  }
  return result;
}

async function* wholeZone(client: Client, zone: LockedZone, slice: number): AsyncGenerator<Names> {
  for (let after = ''; ; ) {
    const names = await namesAfter(client, zone.id, after, slice);
    if (names.owners.length === 0) return;
    yield names;
    after = names.owners.at(-1) ?? '';
  }
}

async function rewriteInSlices(
  client: Client,
  names: Names,
  catalogs: ReadonlyMap<string, string>,
  options: FollowOptions,
): Promise<Rewritten> {
  const result: Rewritten = {
    deltas: new Map(),
    newTargets: false,
    again: false,
    followed: new Set(),
    passed: new Set(),
  };
  for (let from = 0; from < names.owners.length; from += SLICE) {
    const slice = {
      zoneIds: names.zoneIds.slice(from, from + SLICE),
      owners: names.owners.slice(from, from + SLICE),
    };
    merge(result, await rewriteNames(client, slice, catalogs, options), false);
  }
  return result;
}

/** A first version has no changeset, so its bytes need not be kept. */
function merge(into: Rewritten, more: Rewritten, countOnly: boolean): void {
  into.newTargets ||= more.newTargets;
  into.again ||= more.again;
  for (const target of more.followed) into.followed.add(target);
  for (const zoneId of more.passed) into.passed.add(zoneId);
  for (const [zoneId, delta] of more.deltas) {
    const sum = into.deltas.get(zoneId) ?? { deleted: [], added: [], deletedCount: 0, addedCount: 0 };
    if (!countOnly) {
      sum.deleted.push(...delta.deleted);
      sum.added.push(...delta.added);
    }
    sum.deletedCount += delta.deletedCount;
    sum.addedCount += delta.addedCount;
    into.deltas.set(zoneId, sum);
  }
}

function distinctNames(marks: readonly Mark[]): Names {
  const names: Names = { zoneIds: [], owners: [] };
  const seen = new Set<string>();
  for (const { zoneId, owner } of marks) {
    if (!owner || seen.has(`${zoneId}/${owner}`)) continue;
    seen.add(`${zoneId}/${owner}`);
    names.zoneIds.push(zoneId);
    names.owners.push(owner);
  }
  return names;
}
