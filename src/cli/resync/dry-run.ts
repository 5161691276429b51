import { policyOf } from '../../app/policy.ts';
import { systemClock } from '../../clock.ts';
import { type Look, Resolver } from '../../resolve/resolver.ts';
import { wouldChange } from '../../store/dry-run.ts';
import { targetsOf } from '../../store/targets.ts';
import { decide } from '../../zone/alias/decide.ts';
import type { Seen, TargetState } from '../../zone/alias/policy.ts';
import type { Session } from '../database.ts';
import { counted, print, printJson } from '../output.ts';

const PAGE = 1_000;

interface Record {
  name: string;
  ttl: number;
  type: string;
  content: string;
}

interface ZoneChange {
  zone: string;
  deleted: Record[];
  added: Record[];
}

/** Looks at the targets of these zones, or of all, and prints what a resync would change. Nothing is written, no job added. */
export async function dryRun(
  { config, pool }: Session,
  zoneIds: readonly string[] | undefined,
  options: { force?: boolean; json?: boolean },
): Promise<void> {
  const started = performance.now();
  const resolver = new Resolver({
    servers: config.resolvers,
    timeoutMs: config.resolveTimeoutMs,
    tries: config.resolveTries,
    clock: systemClock,
  });
  const counts = { targets: 0, resolved: 0, failed: 0, held: 0 };
  const zones = new Map<string, ZoneChange>();
  const force = options.force === true && zoneIds !== undefined;
  try {
    for (let after = ''; ; ) {
      const targets = await targetsOf(pool, zoneIds, after, PAGE);
      const states = new Map<string, TargetState>();
      await Promise.all(
        targets.map(async ({ name, state }) => {
          const [a, aaaa] = await Promise.all([resolver.look(name, 'A'), resolver.look(name, 'AAAA')]);
          const look = { a: seenOf(a), aaaa: seenOf(aaaa) };
          const decision = decide(state, look, policyOf(config), systemClock.now(), force);
          states.set(name, decision.state);
          counts[outcomeOf(decision.state)]++;
          counts.targets++;
        }),
      );
      for (const change of await wouldChange(pool, zoneIds, states)) addTo(zones, change);
      if (targets.length < PAGE) break;
      after = targets.at(-1)?.name ?? '';
    }
  } finally {
    await resolver.close();
  }
  report(counts, [...zones.values()], Math.round(performance.now() - started), options.json ?? false);
}

function addTo(zones: Map<string, ZoneChange>, change: ZoneChange): void {
  const known = zones.get(change.zone) ?? { zone: change.zone, deleted: [], added: [] };
  zones.set(change.zone, known);
  known.deleted.push(...change.deleted.map(plain));
  known.added.push(...change.added.map(plain));
}

function report(
  counts: { targets: number; resolved: number; failed: number; held: number },
  zones: readonly ZoneChange[],
  ms: number,
  json: boolean,
): void {
  const changedRecords = zones.reduce((sum, zone) => sum + zone.deleted.length + zone.added.length, 0);
  if (json) {
    printJson({ ...counts, changedRecords, changedZones: zones.length, zones, ms });
    return;
  }
  for (const { zone, deleted, added } of zones) {
    print(zone);
    for (const record of deleted) print(`  - ${inWords(record)}`);
    for (const record of added) print(`  + ${inWords(record)}`);
  }
  const { targets, resolved, failed, held } = counts;
  print(
    `${counted(targets, 'target')}: ${resolved} resolved, ${failed} failed, ${held} held; ${counted(changedRecords, 'record')} in ${counted(zones.length, 'zone')} would change; nothing was written`,
  );
}

function plain({ name, ttl, type, content }: Record): Record {
  return { name, ttl, type, content };
}

function inWords({ name, ttl, type, content }: Record): string {
  return `${name} ${ttl} ${type} ${content}`;
}

function seenOf({ outcome }: Look): Seen {
  if (outcome.kind === 'found') return { kind: 'found', addresses: outcome.addresses, ttl: outcome.ttl };
  if (outcome.kind === 'failed') return { kind: 'failed', reason: outcome.reason, detail: outcome.detail };
  return { kind: outcome.kind };
}

function outcomeOf(state: TargetState): 'resolved' | 'held' | 'failed' {
  if (state.failures === 0) return 'resolved';
  return state.a.addresses.length + state.aaaa.addresses.length > 0 ? 'held' : 'failed';
}
