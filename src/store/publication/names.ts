import { absoluteName } from '../../dns/name.ts';
import { typeFromText } from '../../dns/types.ts';
import { catalogRecords } from '../../zone/catalog.ts';
import { difference } from '../../zone/changeset.ts';
import { type Answers, type Desired, desiredRecords, targetOf } from '../../zone/desired.ts';
import { type AliasOptions, type ServedRecord, USUAL_OPTIONS } from '../../zone/record.ts';
import { packRecords, type StoredRecord } from '../../zone/version.ts';
import { readOverrides } from '../guards/overrides.ts';
import type { Client } from '../pool.ts';
import type { ZoneDelta } from './advance.ts';
import { readMembers } from './catalog.ts';
import {
  holdTargets,
  type KnownAlias,
  type Names,
  readAliases,
  readAnswers,
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
): Promise<Rewritten> {
  const sources = groupByName(await readSources(client, names));
  const published = groupByName(await readPublished(client, names));
  const known = await readAliases(client, names);
  const { answers, followed } = await answersFor(client, sources, known);
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
    if (desired.alias) aliases.push(knownAs(zoneId, owner, desired.alias));
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
  return { deltas, newTargets, followed, passed: new Set(passed.zoneIds) };
}

async function answersFor(
  client: Client,
  sources: Map<string, ZoneSource[]>,
  known: ReadonlyMap<string, KnownAlias>,
): Promise<{ answers: Answers; followed: Set<string> }> {
  const targets = new Map<string, string>();
  const unseen = new Set<string>();
  for (const rows of sources.values()) {
    for (const row of rows) {
      if (row.type !== 'ALIAS') continue;
      const target = targetOf(row.content);
      targets.set(row.id, target);
      if (!isFollowed(known.get(row.id), target, row.options ?? USUAL_OPTIONS)) unseen.add(target);
    }
  }
  await holdTargets(client, [...unseen]);
  return { answers: await readAliasAnswers(client, targets), followed: unseen };
}

/** What is known of the targets of these ALIAS records, by id, and what sets any of them apart. */
export async function readAliasAnswers(
  client: Client,
  targets: ReadonlyMap<string, string>,
): Promise<Answers> {
  const { answers, guarded } = await readAnswers(client, [...new Set(targets.values())]);
  const overrides = await readOverrides(
    client,
    [...targets].flatMap(([recordId, target]) => (guarded.has(target) ? recordId : [])),
  );
  return (target, recordId) => {
    const override = overrides.get(recordId);
    return override?.target === target ? override.answer : answers.get(target);
  };
}

function knownAs(zoneId: string, owner: string, alias: NonNullable<Desired['alias']>): KnownAlias {
  const { recordId, target, options, held = null } = alias;
  const { answers, fallback } = options;
  return { recordId, zoneId, owner, target, held, answers, hasFallback: fallback.length > 0 };
}

/** Whether answers of the target mark this ALIAS as it is now. */
function isFollowed(known: KnownAlias | undefined, target: string, options: AliasOptions): boolean {
  return (
    known?.target === target &&
    known.answers === options.answers &&
    known.hasFallback === options.fallback.length > 0
  );
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
