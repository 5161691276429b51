import { setTimeout as pause } from 'node:timers/promises';
import { UnrecoverableError } from 'bullmq';
import type { Clock } from '../clock.ts';
import { countFollowed, followAgain } from '../store/in-zone/recheck.ts';
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
import type { Change, Tracing } from '../trace.ts';
import { inFlow, lookAtDue } from './due.ts';
import type { LookResult } from './look-result.ts';
import type { Looker } from './looker.ts';
import type { ResyncData, ResyncProgress, ResyncResult } from './queue/job.ts';
import { awaitServed } from './served.ts';

/** A job as the queue hands it on. */
export interface ResyncTask {
  id: string;
  data: ResyncData;
  /** By what all that it changes is followed. */
  change: Change;
  /** When it was added, in milliseconds: earlier looks don't count. */
  addedAt: number;
  progress(progress: ResyncProgress): Promise<void>;
  signal: AbortSignal;
}

const PAGE = 1_000; // targets read at a time
const PUBLISHED_WITHIN = 60_000; // ms
const SENT_WITHIN = 10_000; // ms
/** Results, and milliseconds, between two words of progress. */
const TELL_EACH = 100;
const TELL_EVERY = 250;

/** Runs one `resync` job: look, publish, see the first NOTIFYs out. Throws UnrecoverableError for what no retry can mend. */
export async function resync(
  job: ResyncTask,
  { pool, looker, clock, tracing }: { pool: Pool; looker: Looker; clock: Clock; tracing?: Tracing },
): Promise<ResyncResult> {
  const started = clock.now();
  const { data } = job;
  const asker = { job: job.id, change: job.change };
  const zoneIds = await namedZones(pool, data);
  const since = await databaseTime(pool);
  const tally = new Tally(job, clock);

  if (data.due && !zoneIds) {
    const looks = lookAtDue(pool, looker, asker, (result) => tally.add(result), job.signal);
    await unlessAborted(looks, job.signal);
  } else {
    if (!data.due) await followAgain(pool, zoneIds, data.force === true, job.change);
    await publishedUpTo(pool, zoneIds, await newestMark(pool), job.signal);
    const force = data.force === true ? (zoneIds ? { zoneIds } : 'damping') : undefined;
    let after = '';
    const nextPage = async () => {
      const targets = await targetsOf(pool, zoneIds, after, PAGE, data.due === true);
      tally.expect(targets.length);
      after = targets.at(-1)?.name ?? after;
      return targets;
    };
    const looks = inFlow(
      PAGE,
      nextPage,
      (target) =>
        looker.look(target, Math.min(job.addedAt, started), asker, force).then(
          (result) => tally.add(result),
          () => tally.add(undefined),
        ),
      job.signal,
    );
    await unlessAborted(looks, job.signal);
  }

  tracing?.record({
    name: 'look',
    startedAt: started,
    endedAt: clock.now(),
    change: job.change,
    values: tally.counts(),
  });
  const own = data.due && !zoneIds ? undefined : await countFollowed(pool, zoneIds);
  if (own) tally.addAll(own);
  const following = await zonesFollowing(pool, tally.changed);
  // what had waited for a floor is published by force, too
  const forced = data.force === true ? (zoneIds ?? []) : [];
  const affected = [...new Set([...following, ...(own?.zoneIds ?? []), ...forced])];
  await job.progress({ phase: 'publish', done: 0, total: affected.length });
  await publishedUpTo(pool, affected, await newestMark(pool), job.signal);
  const changes = await changesSince(pool, affected, since);
  await job.progress({ phase: 'notify', done: 0, total: changes.zoneIds.length });
  const notified =
    data.due && !data.converged
      ? (await firstSends(pool, changes.zoneIds)).sent
      : await firstSendsOf(pool, changes.zoneIds, job.signal);
  const served = data.converged ? await awaitServed(pool, zoneIds, job, clock) : undefined;
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
    ...(served ? { served } : {}),
  };
}

async function namedZones(pool: Pool, data: ResyncData): Promise<string[] | undefined> {
  if (data.zones === undefined || data.zones.length === 0) return undefined;
  const { ids, unknown } = await zoneIdsOf(pool, data.zones);
  if (unknown.length > 0)
    throw new UnrecoverableError(`no zone ${unknown.join(', ')}: zoneferry zone list shows those there are`);
  return ids;
}

/** Looks that are under way may serve others, and end by themselves; nobody waits for them any more. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let abort = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(new Error(String(signal.reason)));
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
    work.catch(() => {});
  }
}

/** Waits until what was marked is published. A zone that a client holds for long doesn't keep the job for ever. */
async function publishedUpTo(
  pool: Pool,
  zoneIds: readonly string[] | undefined,
  mark: string,
  signal: AbortSignal,
): Promise<void> {
  if (zoneIds?.length === 0) return;
  for (let waited = 0, wait = 2; waited < PUBLISHED_WITHIN; waited += wait, wait = Math.min(wait * 2, 100)) {
    if (!(await hasMarks(pool, zoneIds, mark))) return;
    await pause(wait, undefined, { signal });
  }
}

async function firstSendsOf(pool: Pool, zoneIds: readonly string[], signal: AbortSignal): Promise<number> {
  if (zoneIds.length === 0) return 0;
  for (let waited = 0, wait = 5; ; waited += wait, wait = Math.min(wait * 2, 100)) {
    const { sent, waiting } = await firstSends(pool, zoneIds);
    if (waiting === 0 || waited >= SENT_WITHIN) return sent;
    await pause(wait, undefined, { signal });
  }
}

/** Counts results and tells of them, a few times a second at most. */
class Tally {
  seen = 0;
  resolved = 0;
  failed = 0;
  held = 0;
  readonly changed: string[] = [];
  readonly #job: ResyncTask;
  readonly #clock: Clock;
  #expected = 0;
  #told = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(job: ResyncTask, clock: Clock) {
    this.#job = job;
    this.#clock = clock;
  }

  counts(): { targets: number; resolved: number; failed: number; held: number; changed: number } {
    const { seen: targets, resolved, failed, held } = this;
    return { targets, resolved, failed, held, changed: this.changed.length };
  }

  expect(targets: number): void {
    this.#expected += targets;
  }

  /** Targets that nobody has to be asked for. */
  addAll({ resolved, held, failed }: { resolved: number; held: number; failed: number }): void {
    this.seen += resolved + held + failed;
    this.resolved += resolved;
    this.held += held;
    this.failed += failed;
  }

  add(result: LookResult | undefined): void {
    this.seen++;
    if (result?.outcome === 'resolved') this.resolved++;
    else if (result?.outcome === 'held') this.held++;
    else this.failed++;
    if (result?.changed) this.changed.push(result.name);
    if (this.seen - this.#told < TELL_EACH) return;
    const now = this.#clock.now();
    if (Math.abs(now - this.#toldAt) >= TELL_EVERY) {
      this.#told = this.seen;
      this.#toldAt = now;
      this.#job
        .progress({ phase: 'resolve', done: this.seen, total: Math.max(this.#expected, this.seen) })
        .catch(() => {});
    }
  }
}
