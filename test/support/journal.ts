import { expect } from 'vitest';
import { nameKey } from '../../src/dns/name.ts';
import { typeToText } from '../../src/dns/types.ts';
import { openVersion } from '../../src/store/open-version.ts';
import { readHistory } from '../../src/store/versions.ts';
import { type StoredRecord, unpackRecords } from '../../src/zone/version.ts';
import { serialOf, type TestStore } from './store.ts';

/** What of a store is read here. */
export type JournalStore = Pick<TestStore, 'pool' | 'operator'>;

/** What a zone publishes at one serial: a line `name ttl TYPE rdata` for each record. */
export interface Content {
  serial: number;
  lines: Set<string>;
}

export async function contentOf(store: JournalStore, zoneId: string): Promise<Content> {
  const version = await openVersion(store.pool, zoneId);
  const lines = new Set<string>();
  for await (const batch of version?.batches ?? [])
    for (const record of unpackRecords(batch)) lines.add(lineOf(record));
  return { serial: version?.zone.serial ?? 0, lines };
}

/**
 * Replays the whole journal of a zone from a content to its published one: each changeset starts where the last one ended, takes away
 * only what was there, adds only what was not, no serial comes twice, and the end is the table. `look` sees each version.
 * Gives how many there were.
 */
export async function replay(
  store: JournalStore,
  zoneId: string,
  start: Content,
  look: (version: Content) => void = () => {},
): Promise<number> {
  const end = await serialOf(store, zoneId);
  const steps = (await readHistory(store.pool, zoneId, start.serial, end, 1e9)) ?? [];
  const { rows } = await store.operator.query('select from_serial from zone_changes where zone_id = $1', [
    zoneId,
  ]);
  const lines = new Set(start.lines);
  const serials = new Set([start.serial]);
  let at = start.serial;
  for (const step of steps) {
    expect(step.fromSerial, 'it starts where the last one ended').toBe(at);
    expect(serials.has(step.toSerial), `serial ${step.toSerial} is there once`).toBe(false);
    for (const record of unpackRecords(step.deleted))
      expect(lines.delete(lineOf(record)), `${step.toSerial}: a deleted record was there`).toBe(true);
    for (const record of unpackRecords(step.added)) {
      expect(lines.has(lineOf(record)), `${step.toSerial}: an added record was not there`).toBe(false);
      lines.add(lineOf(record));
    }
    at = step.toSerial;
    serials.add(at);
    look({ serial: at, lines });
  }
  expect(at).toBe(end);
  expect(lines).toEqual((await contentOf(store, zoneId)).lines);
  const since = rows.filter((row) => serials.has(Number(row.from_serial)));
  expect(since, 'every changeset is part of the chain').toHaveLength(steps.length);
  return steps.length;
}

/** A record as `name ttl TYPE rdata`. */
export function lineOf(record: StoredRecord): string {
  return `${nameKey(record.name)} ${record.ttl} ${typeToText(record.type)} ${record.rdata.toString('hex')}`;
}
