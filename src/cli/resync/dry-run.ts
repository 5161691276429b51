import { policyOf } from '../../app/policy.ts';
import { openResolver } from '../../app/resolver.ts';
import { systemClock } from '../../clock.ts';
import { type PlainRecord, planResync } from '../../sync/plan.ts';
import type { Session } from '../database.ts';
import { counted, print, printJson } from '../output.ts';

/** Looks at the targets of these zones, or of all, and prints what a resync would change. Nothing is written, no job added. */
export async function dryRun(
  { config, pool }: Session,
  zoneIds: readonly string[] | undefined,
  options: { force?: boolean; json?: boolean },
): Promise<void> {
  const clock = systemClock;
  const resolver = await openResolver(config, clock);
  const plan = await planResync(zoneIds, options.force ?? false, {
    pool,
    resolver,
    policy: policyOf(config),
    clock,
  }).finally(() => resolver.close());
  if (options.json) {
    printJson(plan);
    return;
  }
  for (const { zone, deleted, added } of plan.zones) {
    print(zone);
    for (const record of deleted) print(`  - ${inWords(record)}`);
    for (const record of added) print(`  + ${inWords(record)}`);
  }
  const { targets, resolved, failed, held, changedRecords, changedZones } = plan;
  print(
    `${counted(targets, 'target')}: ${resolved} resolved, ${failed} failed, ${held} held; ${counted(changedRecords, 'record')} in ${counted(changedZones, 'zone')} would change; nothing was written`,
  );
}

function inWords({ name, ttl, type, content }: PlainRecord): string {
  return `${name} ${ttl} ${type} ${content}`;
}
