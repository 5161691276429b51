import { parseRdata, withSerial } from '../../dns/rdata/index.ts';
import { isNewer } from '../../dns/serial.ts';
import { TYPE } from '../../dns/types.ts';
import { messageOf } from '../../errors.ts';
import { firstSerial, type SerialPolicy, serialAfter } from '../../zone/serial-policy.ts';
import { soaDiffers, soaRdata } from '../../zone/soa.ts';
import type { Client, Pool } from '../pool.ts';
import { inTransaction } from '../transaction.ts';
import { wholeCatalog } from './catalog.ts';
import { type Rewritten, rewriteNames, type ZoneDelta } from './names.ts';
import {
  allNames,
  type Cause,
  type LockedZone,
  lockZones,
  type Mark,
  type Names,
  namesAfter,
  readApexServers,
  smallZones,
  takeMarks,
} from './read.ts';
import {
  type Advance,
  advanceZones,
  boundWaits,
  fillOutbox,
  forgetGone,
  hint,
  setAside,
  writeJournal,
} from './write.ts';

export interface PublishOptions {
  /** For zones without a policy of their own. */
  serialPolicy: SerialPolicy;
  /** Milliseconds since the epoch. */
  now: number;
  /** The zones of this batch. */
  zoneIds: readonly string[];
}

export interface Publication {
  /** Zones with a new version. */
  zones: { name: string; from: number | undefined; serial: number; deleted: number; added: number }[];
  /** Ids of the zones that are done with, those deleted meanwhile among them; of the others somebody holds something. */
  locked: string[];
  /** Targets that an ALIAS follows from now on. */
  followed: string[];
  /** Zones that can't be published, with the reason. */
  setAside: { name: string; problem: string }[];
  marks: number;
}

const SLICE = 5_000; // names of a whole zone handled at a time, to bound memory
const SMALL = 1_000; // rows up to which whole zones are read together
const JOURNAL_STEP_MAX = 64 * 1024 * 1024; // a larger changeset is not kept: secondaries take the zone whole

/**
 * Makes edits real, in one transaction for a batch of zones:
 * lock zones -> stale rows out -> new rows in -> serial up once a zone -> changeset into the journal -> outbox row per secondary.
 * Where nothing differs, nothing is written and no serial spent.
 */
export function publishMarked(pool: Pool, options: PublishOptions): Promise<Publication> {
  return inTransaction(pool, async (client) => {
    await boundWaits(client);
    const zones = await lockZones(client, options.zoneIds);
    const held = new Set(zones.map((zone) => zone.id));
    const gone = await forgetGone(
      client,
      options.zoneIds.filter((zoneId) => !held.has(zoneId)),
    );
    if (zones.length === 0) return { zones: [], locked: gone, setAside: [], marks: 0, followed: [] };
    const marks = await takeMarks(
      client,
      zones.map((zone) => zone.id),
    );
    const { ready, unready } = await sortByReadiness(client, zones);
    await setAside(
      client,
      unready
        .filter(({ zone, problem }) => !zone.stale || zone.problem !== problem)
        .map(({ zone, problem }) => ({ zoneId: zone.id, problem })),
    );
    const { deltas, newTargets, followed, passed } = await rewriteRows(client, ready, marks);
    const causes = causesByZone(marks);
    const advances = ready.flatMap(
      (zone) => advance(zone, deltas.get(zone.id), causes.get(zone.id) ?? [], options) ?? [],
    );
    if (advances.length > 0) {
      await advanceZones(client, advances);
      await writeJournal(client, advances);
      await fillOutbox(
        client,
        advances.map((step) => step.zoneId),
      );
    }
    await forgetOldProblems(client, ready, advances);
    await hint(client, [...(advances.length > 0 ? ['versions'] : []), ...(newTargets ? ['targets'] : [])]);
    const publication = report(zones, advances, unready, marks.length);
    const done = publication.locked.filter((zoneId) => !passed.has(zoneId));
    return { ...publication, locked: [...done, ...gone], followed: [...followed] };
  });
}

/** A zone without an apex NS would be rejected by secondaries: it keeps its last version until it is mended. */
async function sortByReadiness(
  client: Client,
  zones: readonly LockedZone[],
): Promise<{ ready: LockedZone[]; unready: { zone: LockedZone; problem: string }[] }> {
  const servers = await readApexServers(
    client,
    zones.map((zone) => zone.id),
  );
  const served = new Set(servers.filter((row) => encodes(row.content)).map((row) => row.zoneId));
  for (const zone of zones) if (zone.catalog) served.add(zone.id);
  const ready: LockedZone[] = [];
  const unready: { zone: LockedZone; problem: string }[] = [];
  for (const zone of zones) {
    const problem =
      soaProblem(zone) ??
      (served.has(zone.id)
        ? undefined
        : `no NS record at ${zone.name}: secondaries would reject the zone; add one`);
    if (problem) unready.push({ zone, problem });
    else ready.push(zone);
  }
  return { ready, unready };
}

function encodes(nameServer: string): boolean {
  try {
    parseRdata(TYPE.NS, nameServer);
    return true;
  } catch {
    return false;
  }
}

function soaProblem(zone: LockedZone): string | undefined {
  try {
    soaRdata(zone, 1);
    return undefined;
  } catch (error) {
    return `its SOA can't be made: ${messageOf(error)}`;
  }
}

async function rewriteRows(
  client: Client,
  zones: readonly LockedZone[],
  marks: readonly Mark[],
): Promise<Rewritten> {
  const whole = new Set(
    zones.filter((zone) => zone.stale || zone.publishedSerial === undefined).map((zone) => zone.id),
  );
  for (const mark of marks) if (mark.owner === null) whole.add(mark.zoneId);
  const ids = new Set(zones.map((zone) => zone.id));
  const single = distinctNames(marks.filter((mark) => ids.has(mark.zoneId) && !whole.has(mark.zoneId)));
  const catalogs = new Map(zones.filter((zone) => zone.catalog).map((zone) => [zone.id, zone.name]));
  const result = await rewriteInSlices(client, single, catalogs);
  const small = await smallZones(
    client,
    [...whole].filter((id) => !catalogs.has(id)),
    SMALL,
  );
  if (small.size > 0)
    merge(result, await rewriteInSlices(client, await allNames(client, [...small]), catalogs), false);
  for (const zone of zones) {
    if (!whole.has(zone.id) || small.has(zone.id)) continue;
    const slices = zone.catalog ? wholeCatalog(client, zone, SLICE) : wholeZone(client, zone, SLICE);
    for await (const names of slices)
      merge(result, await rewriteNames(client, names, catalogs), zone.publishedSerial === undefined);
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
): Promise<Rewritten> {
  const result: Rewritten = { deltas: new Map(), newTargets: false, followed: new Set(), passed: new Set() };
  for (let from = 0; from < names.owners.length; from += SLICE) {
    const slice = {
      zoneIds: names.zoneIds.slice(from, from + SLICE),
      owners: names.owners.slice(from, from + SLICE),
    };
    merge(result, await rewriteNames(client, slice, catalogs), false);
  }
  return result;
}

/** A first version has no changeset, so its bytes need not be kept. */
function merge(into: Rewritten, more: Rewritten, countOnly: boolean): void {
  into.newTargets ||= more.newTargets;
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

/** The zone's next version; undefined where nothing differs. */
function advance(
  zone: LockedZone,
  delta: ZoneDelta | undefined,
  causes: Cause[],
  options: PublishOptions,
): Advance | undefined {
  const unchanged =
    zone.publishedSoa &&
    zone.publishedSerial !== undefined &&
    !delta &&
    !soaDiffers(zone.publishedSoa, soaRdata(zone, zone.publishedSerial)) &&
    zone.publishedSoaTtl === zone.soaTtl &&
    !(zone.serialPinned && isNewer(zone.serial, zone.publishedSerial));
  if (unchanged) return undefined;
  const serial = nextSerialOf(zone, zone.serialPolicy ?? options.serialPolicy, options.now);
  const from =
    zone.publishedSoa && zone.publishedSerial !== undefined
      ? {
          serial: zone.publishedSerial,
          soa: withSerial(zone.publishedSoa, zone.publishedSerial),
          soaTtl: zone.publishedSoaTtl,
        }
      : undefined;
  const deleted = delta?.deleted ?? [];
  const added = delta?.added ?? [];
  const small = [...deleted, ...added].reduce((sum, bytes) => sum + bytes.length, 0) <= JOURNAL_STEP_MAX;
  return {
    zoneId: zone.id,
    from,
    serial,
    soa: soaRdata(zone, serial),
    soaTtl: zone.soaTtl,
    recordCount: zone.recordCount + (delta?.addedCount ?? 0) - (delta?.deletedCount ?? 0),
    deleted: small ? Buffer.concat(deleted) : undefined,
    added: small ? Buffer.concat(added) : undefined,
    deletedCount: delta?.deletedCount ?? 0,
    addedCount: delta?.addedCount ?? 0,
    causes,
  };
}

function nextSerialOf(zone: LockedZone, policy: SerialPolicy, now: number): number {
  if (zone.publishedSerial === undefined)
    return zone.serialPinned ? zone.serial : firstSerial(zone.serial, policy, now);
  if (zone.serialPinned && isNewer(zone.serial, zone.publishedSerial)) return zone.serial;
  return serialAfter(zone.publishedSerial, policy, now);
}

function causesByZone(marks: readonly Mark[]): Map<string, Cause[]> {
  const causes = new Map<string, Cause[]>();
  for (const { zoneId, cause } of marks) {
    if (!cause) continue;
    const known = causes.get(zoneId);
    if (known) known.push(cause);
    else causes.set(zoneId, [cause]);
  }
  return causes;
}

/** A zone that was mended back to what it was has no new version, but its reason goes. */
async function forgetOldProblems(
  client: Client,
  ready: readonly LockedZone[],
  advances: readonly Advance[],
): Promise<void> {
  const advanced = new Set(advances.map((step) => step.zoneId));
  const ids = ready
    .filter((zone) => (zone.stale || zone.problem !== null) && !advanced.has(zone.id))
    .map((zone) => zone.id);
  if (ids.length > 0)
    await client.query('update zones set stale = false, problem = null where id = any ($1::bigint[])', [ids]);
}

function report(
  zones: readonly LockedZone[],
  advances: readonly Advance[],
  unready: readonly { zone: LockedZone; problem: string }[],
  marks: number,
): Omit<Publication, 'followed'> {
  const names = new Map(zones.map((zone) => [zone.id, zone.name]));
  return {
    zones: advances.map((step) => ({
      name: names.get(step.zoneId) ?? '',
      from: step.from?.serial,
      serial: step.serial,
      deleted: step.deletedCount,
      added: step.addedCount,
    })),
    locked: zones.map((zone) => zone.id),
    setAside: unready.map(({ zone, problem }) => ({ name: zone.name, problem })),
    marks,
  };
}
