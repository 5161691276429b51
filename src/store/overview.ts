import type { Convergence } from '../zone/convergence.ts';
import { type Ahead, readAhead } from './ahead.ts';
import { type Damping, readDamping } from './damping.ts';
import { type GuardStatus, readGuards } from './guards/status.ts';
import { readStanding } from './ledger/states.ts';
import type { Pool } from './pool.ts';
import { listProcesses, type ServiceProcess } from './processes.ts';
import { type RefusalStatus, readRefusals } from './refusals.ts';
import { type AliasStatus, readAliasStatus } from './status/aliases.ts';
import type { StatusPage } from './status/page.ts';
import { type RecordProblem, readRecordProblems } from './status/problems.ts';
import { readSecondaryStatus, type SecondaryStatus } from './status/secondaries.ts';
import { readZoneStatus, type ZoneStatus } from './status/zones.ts';

const REFUSED_WITHIN_MS = 86_400_000;

/** The state of everything that stands in the database, as the command line and the API show it. */
export interface Overview {
  zones: StatusPage<ZoneStatus>;
  aliases: StatusPage<AliasStatus>;
  damping: Damping;
  secondaries: SecondaryStatus[];
  standing: StatusPage<Convergence>;
  /** Of the last day. */
  refusals: StatusPage<RefusalStatus>;
  problems: StatusPage<RecordProblem>;
  ahead: StatusPage<Ahead>;
  guards: GuardStatus[];
  /** Those at work. */
  processes: ServiceProcess[];
}

/** Reads it: of each table at most `limit` rows, what is in trouble first. `now`: milliseconds since the epoch. */
export async function readOverview(pool: Pool, limit: number, now: number): Promise<Overview> {
  const [zones, aliases, damping, secondaries, standing, refusals, problems, ahead, guards, processes] =
    await Promise.all([
      readZoneStatus(pool, limit),
      readAliasStatus(pool, limit),
      readDamping(pool),
      readSecondaryStatus(pool),
      readStanding(pool, { open: true, limit }),
      readRefusals(pool, limit, new Date(now - REFUSED_WITHIN_MS)),
      readRecordProblems(pool, limit),
      readAhead(pool, limit),
      readGuards(pool),
      listProcesses(pool),
    ]);
  return {
    zones,
    aliases,
    damping,
    secondaries,
    standing,
    refusals,
    problems,
    ahead,
    guards,
    processes: processes.filter((one) => one.alive),
  };
}
