import { parseRdata } from '../../dns/rdata/index.ts';
import { TYPE } from '../../dns/types.ts';
import { messageOf } from '../../errors.ts';
import { isFollowing } from '../../zone/cause.ts';
import { soaRdata } from '../../zone/soa.ts';
import type { Client } from '../pool.ts';
import type { Advance } from './advance.ts';
import { type LockedZone, type Mark, readApexServers } from './read.ts';

/** A zone without an apex NS would be rejected by secondaries: it keeps its last version until it is mended. */
export async function sortByReadiness(
  client: Client,
  zones: readonly LockedZone[],
  marks: readonly Mark[],
): Promise<{ ready: LockedZone[]; unready: { zone: LockedZone; problem: string }[] }> {
  const doubtful = zonesInDoubt(zones, marks);
  const servers = await readApexServers(client, [...doubtful]);
  const served = new Set(servers.filter((row) => encodes(row.content)).map((row) => row.zoneId));
  const ready: LockedZone[] = [];
  const unready: { zone: LockedZone; problem: string }[] = [];
  for (const zone of zones) {
    const problem =
      soaProblem(zone) ??
      (doubtful.has(zone.id) && !served.has(zone.id)
        ? `no NS record at ${zone.name}: secondaries would reject the zone; add one`
        : undefined);
    if (problem) unready.push({ zone, problem });
    else ready.push(zone);
  }
  return { ready, unready };
}

/** Those that may have lost their NS since their last version: an edit marked their apex, or all of them. */
function zonesInDoubt(zones: readonly LockedZone[], marks: readonly Mark[]): Set<string> {
  const inDoubt = new Set<string>();
  const apexes = new Map<string, string>();
  for (const zone of zones) {
    if (zone.catalog) continue;
    if (zone.stale || zone.publishedSerial === undefined || zone.problem !== null) inDoubt.add(zone.id);
    else apexes.set(zone.id, zone.name);
  }
  for (const { zoneId, owner, moved, cause } of marks) {
    const apex = apexes.get(zoneId);
    if (apex === undefined || moved || isFollowing(cause)) continue;
    if (owner === null || owner === apex) inDoubt.add(zoneId);
  }
  return inDoubt;
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

/** A zone that was mended back to what it was has no new version, but its reason goes. */
export async function forgetOldProblems(
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

/** A zone that can't be published keeps its last version; `stale` says that edits were passed by meanwhile. */
export async function setAside(
  client: Client,
  zones: readonly { zoneId: string; problem: string }[],
): Promise<void> {
  if (zones.length === 0) return;
  await client.query(
    `update zones set stale = true, problem = p.problem from unnest($1::bigint[], $2::text[]) as p (zone_id, problem) where zones.id = p.zone_id`,
    [zones.map((zone) => zone.zoneId), zones.map((zone) => zone.problem)],
  );
}
