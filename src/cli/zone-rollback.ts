import { setTimeout as sleep } from 'node:timers/promises';
import { formatRecordLine } from '../dns/zonefile/index.ts';
import { UserError } from '../errors.ts';
import { type RollbackPlan, rollBack, type SourceLine, whyNoRollback } from '../store/history/rollback.ts';
import type { Pool } from '../store/pool.ts';
import { actingAs } from '../store/transaction.ts';
import { findZone } from '../store/zones.ts';
import { commandActor, withDatabase } from './database.ts';
import { counted, print, printJson } from './output.ts';
import { noZone } from './zone-show.ts';

const PUBLISHED_WITHIN = 5_000; // ms
const LOOK_EVERY = 50; // ms

/** Gives a zone the source of an earlier version, to be published under a new serial. */
export async function rollback(
  name: string,
  { to, dryRun = false, json = false }: { to: number; dryRun?: boolean; json?: boolean },
): Promise<void> {
  const { plan, serial } = await withDatabase(async ({ pool }) => {
    const result = await actingAs(
      pool,
      commandActor(),
      (client) => rollBack(client, name, to, { dryRun }),
      `rollback to ${to}`,
    );
    if (result.kind === 'no-zone') throw noZone(name);
    if (result.kind !== 'planned') throw new UserError(whyNoRollback(name, to, result));
    return {
      plan: result,
      serial: dryRun || isNothing(result) ? null : await published(pool, result, name),
    };
  });
  if (json) {
    const { kind: _, zoneId: __, ...rest } = plan;
    printJson({ zone: name, dryRun, ...rest, serial });
    return;
  }
  const lines = [
    ...plan.removedRows.map((row) => `- ${lineOf(row)}`),
    ...plan.restoredRows.map((row) => `+ ${lineOf(row)}`),
  ];
  if (dryRun && lines.length > 0) print(lines.join('\n'));
  print(summary(name, plan, dryRun, serial));
}

function isNothing(plan: RollbackPlan): boolean {
  return plan.removed + plan.restored === 0 && !plan.soaChanges;
}

function summary(name: string, plan: RollbackPlan, dryRun: boolean, serial: number | null): string {
  if (isNothing(plan))
    return `zone ${name} has the source of serial ${plan.to} already: nothing is to be done`;
  const what = [
    `${counted(plan.removed, 'record')} out`,
    `${counted(plan.restored, 'record')} in`,
    ...(plan.soaChanges ? ['the SOA'] : []),
  ].join(', ');
  if (dryRun) return `zone ${name} would go back to the source of serial ${plan.to}: ${what}`;
  const where =
    serial === null
      ? 'it is published as soon as a worker runs (zoneferry serve) and the zone is publishable'
      : serial === plan.from
        ? 'nothing of it is a change to secondaries'
        : `published under serial ${serial}`;
  return `zone ${name} went back to the source of serial ${plan.to}: ${what}; ${where}`;
}

function lineOf({ name, ttl, type, content, disabled }: SourceLine): string {
  return `${formatRecordLine(name, ttl, type, content)}${disabled ? ' ; disabled' : ''}`;
}

/** The serial when all of it is published, the one of before where secondaries see no difference; null where no worker does it soon. */
async function published(pool: Pool, plan: RollbackPlan, name: string): Promise<number | null> {
  for (
    const until = performance.now() + PUBLISHED_WITHIN;
    performance.now() < until;
    await sleep(LOOK_EVERY)
  ) {
    const { rows } = await pool.query<{ waits: boolean }>(
      'select exists (select from zone_marks where zone_id = $1::bigint) as waits',
      [plan.zoneId],
    );
    if (rows[0]?.waits === false) return (await findZone(pool, name))?.publishedSerial ?? null;
  }
  return null;
}
