import { absoluteName } from '../../dns/name.ts';
import { typeFromText } from '../../dns/types.ts';
import { catalogRecords } from '../../zone/catalog.ts';
import { difference } from '../../zone/changeset.ts';
import { type Desired, desiredRecords } from '../../zone/desired.ts';
import type { ServedRecord } from '../../zone/record.ts';
import { packRecords, type StoredRecord } from '../../zone/version.ts';
import { type FollowOptions, followAll } from '../in-zone/following.ts';
import { rememberReadings } from '../in-zone/readings.ts';
import type { Client } from '../pool.ts';
import type { ZoneDelta } from './advance.ts';
import { aliasesOf, answersFor, knownAs } from './answers.ts';
import { readMembers } from './catalog.ts';
import {
  type KnownAlias,
  type Names,
  readAliases,
  readPublished,
  readSources,
  type ZonePublished,
  type ZoneSource,
} from './read.ts';
import {
  type AddedRecord,
  deleteStaleRows,
  insertNewRows,
  linkSources,
  markAgain,
  rememberAliases,
  writeProblems,
} from './write.ts';

export interface Rewritten {
  deltas: Map<string, ZoneDelta>;
  /** True where a target was never followed before. */
  newTargets: boolean;
  /** True where a name was marked once more. */
  again: boolean;
  /** Targets that an ALIAS at these names follows from now on. */
  followed: Set<string>;
  /** Zones with a row whose problem could not be written, as a client holds it; its name is marked again. */
  passed: Set<string>;
}

/**
 * Steps "stale rows out, new rows in" for these names of any zones; gives the delta of each zone that changes. `catalogs` has the names
 * of those zones that are catalogs, by id.
 */
export async function rewriteNames(
  client: Client,
  names: Names,
  catalogs: ReadonlyMap<string, string>,
  options: FollowOptions,
): Promise<Rewritten> {
  const sources = groupByName(await readSources(client, names));
  const published = groupByName(await readPublished(client, names));
  const known = await readAliases(client, names);
  const following = await followAll(client, aliasesOf(sources, published, known), options);
  const { answers, followed } = await answersFor(client, following, known);
  const members = await readMembers(client, names, catalogs);

  const stale: string[] = [];
  const fresh: AddedRecord[] = [];
  const links: { id: string; sourceRecordId: string | null }[] = [];
  const aliases: KnownAlias[] = [];
  const problems: Problem[] = [];
  const deltas = new Map<string, ZoneDelta>();
  names.owners.forEach((owner, index) => {
    const zoneId = names.zoneIds[index] ?? '';
    const key = `${zoneId}/${owner}`;
    const rows = sources.get(key) ?? [];
    const before = published.get(key) ?? [];
    const catalog = catalogs.get(zoneId);
    const desired: Desired =
      catalog === undefined
        ? desiredRecords(rows, before, answers)
        : { records: catalogRecords(catalog, owner, members.get(key)), problems: [] };
    const { deleted, added, relinked } = difference(before, desired.records);
    links.push(...relinked);
    if (desired.alias) aliases.push(knownAs(zoneId, owner, desired.alias, following, known));
    problems.push(...changedProblems(rows, desired));
    if (deleted.length + added.length === 0) return;
    for (const record of deleted) stale.push(record.id);
    for (const record of added) fresh.push({ ...record, zoneId });
    addDelta(deltas, zoneId, deleted, added);
  });

  await deleteStaleRows(client, stale);
  await insertNewRows(client, fresh);
  await linkSources(client, links);
  const written = await writeProblems(client, problems);
  const passed = namesOf(problems.filter(({ id }) => !written.has(id)));
  await markAgain(client, passed);
  const { newTargets } = await rememberAliases(client, known, aliases);
  const again = await rememberReadings(client, known, aliases, following);
  return { deltas, newTargets, again, followed, passed: new Set(passed.zoneIds) };
}

function changedProblems(rows: readonly ZoneSource[], desired: Desired): Problem[] {
  const now = new Map(desired.problems.map(({ id, problem }) => [id, problem]));
  return rows.flatMap(({ id, zoneId, owner, problem }) =>
    (now.get(id) ?? null) === problem ? [] : [{ id, zoneId, owner, problem: now.get(id) ?? null }],
  );
}

interface Problem {
  id: string;
  zoneId: string;
  owner: string;
  problem: string | null;
}

function namesOf(problems: readonly Problem[]): Names {
  return { zoneIds: problems.map(({ zoneId }) => zoneId), owners: problems.map(({ owner }) => owner) };
}

function addDelta(
  deltas: Map<string, ZoneDelta>,
  zoneId: string,
  deleted: readonly ServedRecord[],
  added: readonly ServedRecord[],
): void {
  let delta = deltas.get(zoneId);
  if (!delta) {
    delta = { deleted: [], added: [], deletedCount: 0, addedCount: 0 };
    deltas.set(zoneId, delta);
  }
  delta.deleted.push(packRecords(deleted.map(toWire)));
  delta.added.push(packRecords(added.map(toWire)));
  delta.deletedCount += deleted.length;
  delta.addedCount += added.length;
}

/** A row as the wire has it. */
export function toWire(record: { name: string; type: string; ttl: number; rdata: Buffer }): StoredRecord {
  return {
    name: absoluteName(record.name),
    type: typeFromText(record.type) ?? 0,
    ttl: record.ttl,
    rdata: record.rdata,
  };
}

function groupByName<T extends ZoneSource | ZonePublished>(rows: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const key = `${row.zoneId}/${row.owner}`;
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return groups;
}
