import { guardsOf, policyOf } from '../../app/policy.ts';
import { openResolver } from '../../app/resolver.ts';
import { systemClock } from '../../clock.ts';
import { type PlainRecord, planResync, type ResyncPlan } from '../../sync/plan.ts';
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
  const plan = await planResync(
    { zoneIds, force: options.force ?? false },
    { pool, resolver, policy: policyOf(config), guards: guardsOf(config), clock },
  ).finally(() => resolver.close());
  if (options.json) printJson(plan);
  else print(inWords(plan));
}

function inWords(plan: ResyncPlan): string {
  const { targets, resolved, failed, held, changedRecords, changedZones } = plan;
  return [
    ...plan.zones.flatMap(({ zone, deleted, added, why }) => [
      zone,
      ...deleted.map((record) => `  - ${recordInWords(record)}`),
      ...added.map((record) => `  + ${recordInWords(record)}`),
      ...why.map((line) => `  as ${line}`),
    ]),
    ...plan.holds.map(({ target, why }) => `held: ${target}: ${why}`),
    ...plan.guards.map(({ message }) => message),
    ...(changedZones > 0 ? [blastInWords(plan.blast)] : []),
    `${counted(targets, 'target')}: ${resolved} resolved, ${failed} failed, ${held} held; ${counted(changedRecords, 'record')} in ${counted(changedZones, 'zone')} would change; nothing was written`,
  ].join('\n');
}

function blastInWords(blast: ResyncPlan['blast']): string {
  const { zones, notifies, secondaries, ixfrBytes, axfrs, axfrBytes } = blast;
  const whole =
    axfrs > 0 ? `, and about ${axfrBytes} bytes of AXFR for ${counted(axfrs, 'first transfer')}` : '';
  return `it would set in motion: ${counted(zones, 'zone')}, ${notifies} NOTIFY to ${counted(secondaries, 'secondary', 'secondaries')}, ${ixfrBytes} bytes of IXFR${whole}`;
}

function recordInWords({ name, ttl, type, content }: PlainRecord): string {
  return `${name} ${ttl} ${type} ${content}`;
}
