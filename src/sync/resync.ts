import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import { UserError } from '../errors.ts';
import type { Pool } from '../store/pool.ts';
import {
  changesSince,
  databaseTime,
  firstSends,
  hasMarks,
  newestMark,
  zoneIdsOf,
  zonesFollowing,
} from '../store/resync.ts';
import { targetsOf } from '../store/targets.ts';
import { lookAtDue } from './due.ts';
import type { Looker, LookResult } from './looker.ts';

/** The data of a `resync` job. */
export interface ResyncData {
  zones?: string[];
  force?: boolean;
  due?: boolean;
  reason?: string;
}

export interface ResyncProgress {
  phase: 'resolve' | 'publish' | 'notify' | 'done';
  done: number;
  total: number;
}

/** What a `resync` came to. Each target counts once: resolved, held at its last known addresses, or failed with none. */
export interface ResyncResult {
  targets: number;
  resolved: number;
  failed: number;
  held: number;
  changedRecords: number;
  changedZones: number;
  notified: number;
  ms: number;
}

export interface ResyncJob {
  id: string;
  data: unknown;
  /** When it was added, in milliseconds: earlier looks don't count. */
  addedAt: number;
  progress(progress: ResyncProgress): Promise<void>;
  signal?: AbortSignal;
}

const PAGE = 1_000; // targets read at a time
const PUBLISHED_WITHIN = 60_000; // ms
const SENT_WITHIN = 10_000; // ms

/** Runs one `resync` job: look, publish, see the first NOTIFYs out. Throws UserError for data that no retry can mend. */
export async function resync(
  job: ResyncJob,
  { pool, looker, clock }: { pool: Pool; looker: Looker; clock: Clock },
): Promise<ResyncResult> {
  const started = clock.now();
  const data = checkedData(job.data);
  const zoneIds = await namedZones(pool, data);
  const since = await databaseTime(pool);
  const tally = new Tally(job);

  if (data.due && !zoneIds) {
    await lookAtDue(pool, looker, clock, job.id, (result) => tally.add(result));
  } else {
    await publishedUpTo(pool, zoneIds, await newestMark(pool), job.signal);
    const force = data.force === true && zoneIds !== undefined;
    for (let after = ''; ; ) {
      const targets = await targetsOf(pool, zoneIds, after, PAGE);
      tally.expect(targets.length);
      await Promise.all(
        targets.map((target) =>
          looker.look(target, Math.min(job.addedAt, started), job.id, force).then(
            (result) => tally.add(result),
            () => tally.add(undefined),
          ),
        ),
      );
      job.signal?.throwIfAborted();
      if (targets.length < PAGE) break;
      after = targets.at(-1)?.name ?? '';
    }
  }

  const affected = await zonesFollowing(pool, tally.changed);
  await job.progress({ phase: 'publish', done: 0, total: affected.length });
  await publishedUpTo(pool, affected, await newestMark(pool), job.signal);
  const changes = await changesSince(pool, affected, since);
  await job.progress({ phase: 'notify', done: 0, total: changes.zoneIds.length });
  const notified = data.due
    ? (await firstSends(pool, changes.zoneIds)).sent
    : await firstSendsOf(pool, changes.zoneIds, job.signal);
  await job.progress({ phase: 'done', done: tally.seen, total: tally.seen });
  return {
    targets: tally.seen,
    resolved: tally.resolved,
    failed: tally.failed,
    held: tally.held,
    changedRecords: changes.records,
    changedZones: changes.zoneIds.length,
    notified,
    ms: Math.round(clock.now() - started),
  };
}

/** Takes the data of any client's job, or says in words what is wrong with it. */
export function checkedData(data: unknown): ResyncData {
  if (data === undefined || data === null) return {};
  if (typeof data !== 'object' || Array.isArray(data))
    throw new UserError('job data: expected an object { zones, force, due, reason }');
  const { zones, force, due, reason, ...others } = data as Record<string, unknown>;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined)
    throw new UserError(`job data: unknown field "${unknown}", expected zones, force, due and reason`);
  if (zones !== undefined && !(Array.isArray(zones) && zones.every((zone) => typeof zone === 'string'))) {
    throw new UserError('job data: zones takes a list of zone names');
  }
  for (const [name, value] of Object.entries({ force, due })) {
    if (value !== undefined && typeof value !== 'boolean')
      throw new UserError(`job data: ${name} takes true or false`);
  }
  if (reason !== undefined && typeof reason !== 'string') throw new UserError('job data: reason takes text');
  return data as ResyncData;
}

async function namedZones(pool: Pool, data: ResyncData): Promise<string[] | undefined> {
  if (data.zones === undefined || data.zones.length === 0) return undefined;
  const { ids, unknown } = await zoneIdsOf(pool, data.zones);
  if (unknown.length > 0)
    throw new UserError(`no zone ${unknown.join(', ')}: zoneferry zone list shows those there are`);
  return ids;
}

/** Waits until what was marked is published. A zone that a client holds for long doesn't keep the job for ever. */
async function publishedUpTo(
  pool: Pool,
  zoneIds: readonly string[] | undefined,
  mark: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (zoneIds?.length === 0) return;
  for (let waited = 0, wait = 2; waited < PUBLISHED_WITHIN; waited += wait, wait = Math.min(wait * 2, 100)) {
    if (!(await hasMarks(pool, zoneIds, mark))) return;
    await pause(wait, undefined, signal ? { signal } : {});
  }
}

async function firstSendsOf(
  pool: Pool,
  zoneIds: readonly string[],
  signal: AbortSignal | undefined,
): Promise<number> {
  if (zoneIds.length === 0) return 0;
  for (let waited = 0, wait = 5; ; waited += wait, wait = Math.min(wait * 2, 100)) {
    const { sent, waiting } = await firstSends(pool, zoneIds);
    if (waiting === 0 || waited >= SENT_WITHIN) return sent;
    await pause(wait, undefined, signal ? { signal } : {});
  }
}

/** Counts results and tells of them, a few times a second at most. */
class Tally {
  seen = 0;
  resolved = 0;
  failed = 0;
  held = 0;
  readonly changed: string[] = [];
  readonly #job: ResyncJob;
  #expected = 0;
  #told = 0;

  constructor(job: ResyncJob) {
    this.#job = job;
  }

  expect(targets: number): void {
    this.#expected += targets;
  }

  add(result: LookResult | undefined): void {
    this.seen++;
    if (result?.outcome === 'resolved') this.resolved++;
    else if (result?.outcome === 'held') this.held++;
    else this.failed++;
    if (result?.changed) this.changed.push(result.name);
    if (this.seen - this.#told >= 100) {
      this.#told = this.seen;
      this.#job
        .progress({ phase: 'resolve', done: this.seen, total: Math.max(this.#expected, this.seen) })
        .catch(() => {});
    }
  }
}
