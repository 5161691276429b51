import { answerOf, type TargetState } from '../zone/alias/state.ts';
import { difference } from '../zone/changeset.ts';
import { desiredRecords } from '../zone/desired.ts';
import type { PublishedRecord, ServedRecord } from '../zone/record.ts';
import type { Pool } from './pool.ts';
import { type Names, readPublished, readSources } from './publication/read.ts';

/** What one name of a zone would lose and gain. */
export interface WouldChange {
  zone: string;
  deleted: PublishedRecord[];
  added: ServedRecord[];
}

const SLICE = 5_000;

/** What would be published differently if these were the states of the targets. Nothing is written. */
export async function wouldChange(
  pool: Pool,
  zoneIds: readonly string[] | undefined,
  states: ReadonlyMap<string, TargetState>,
): Promise<WouldChange[]> {
  const { rows } = await pool.query<{ zone_id: string; owner: string; zone: string }>(
    `select distinct a.zone_id, a.owner, z.name as zone from aliases a join zones z on z.id = a.zone_id
     where a.target = any ($1::text[]) and ($2::bigint[] is null or a.zone_id = any ($2::bigint[])) order by z.name, a.owner`,
    [[...states.keys()], zoneIds ?? null],
  );
  const changes: WouldChange[] = [];
  for (let from = 0; from < rows.length; from += SLICE) {
    const slice = rows.slice(from, from + SLICE);
    const names: Names = {
      zoneIds: slice.map((row) => row.zone_id),
      owners: slice.map((row) => row.owner),
    };
    const client = await pool.connect();
    try {
      const sources = byName(await readSources(client, names));
      const published = byName(await readPublished(client, names));
      for (const { zone_id, owner, zone } of slice) {
        const key = `${zone_id}/${owner}`;
        const before = published.get(key) ?? [];
        const desired = desiredRecords(sources.get(key) ?? [], before, (target) => {
          const state = states.get(target);
          return state && answerOf(state);
        });
        const { deleted, added } = difference(before, desired.records);
        if (deleted.length + added.length > 0) changes.push({ zone, deleted, added });
      }
    } finally {
      client.release();
    }
  }
  return changes;
}

function byName<T extends { zoneId: string; owner: string }>(rows: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const key = `${row.zoneId}/${row.owner}`;
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return groups;
}
