import { Condenser } from '../../zone/condense.ts';
import type { JournalStep } from '../../zone/version.ts';
import type { Pool } from '../pool.ts';
import { readHistory } from '../versions.ts';

/** Octets of records that a difference is made of, at most: it is made in memory. */
const MOST = 256 * 1024 * 1024;

/**
 * What takes one version of a zone that the journal connects to another one: what came and went again is in
 * neither list. Where `from` is the newer one it is the way back. Undefined where
 * the journal doesn't connect them, or holds more than can be shown.
 */
export async function readDifference(
  pool: Pool,
  zoneId: string,
  from: number,
  to: number,
): Promise<JournalStep | undefined> {
  const forwards = await condensed(pool, zoneId, from, to);
  if (forwards) return forwards;
  const backwards = await condensed(pool, zoneId, to, from);
  return (
    backwards && {
      fromSerial: backwards.toSerial,
      toSerial: backwards.fromSerial,
      oldSoa: backwards.newSoa,
      oldSoaTtl: backwards.newSoaTtl,
      newSoa: backwards.oldSoa,
      newSoaTtl: backwards.oldSoaTtl,
      deleted: backwards.added,
      added: backwards.deleted,
    }
  );
}

async function condensed(
  pool: Pool,
  zoneId: string,
  from: number,
  to: number,
): Promise<JournalStep | undefined> {
  const steps = await readHistory(pool, zoneId, from, to, MOST);
  if (!steps) return undefined;
  const condenser = new Condenser();
  for (const step of steps) condenser.add(step);
  return condenser.finish();
}
