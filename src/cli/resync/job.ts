import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../errors.ts';
import { listProcesses, type QueuePlace, queuePlace, type ServiceProcess } from '../../store/processes.ts';
import type { Queues, ResyncData, ResyncJob, ResyncProgress, ResyncResult } from '../../sync/queues.ts';
import type { Session } from '../database.ts';
import { onInterrupt } from '../interrupt.ts';
import { withQueue } from '../queue.ts';
import { ProgressBar } from './progress-bar.ts';

const TAKEN_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 50;
/** `delayed`: it failed once, and is tried again. */
const TAKEN = new Set(['active', 'completed', 'failed', 'delayed']);

/**
 * Adds the job, sees that a worker takes it, and with `wait` follows it to its end.
 *
 * @throws UserError where no worker takes it within 5 s, the service's queue is another, or the job fails
 */
export async function addAndFollow(
  session: Session,
  data: ResyncData,
  wait: boolean,
): Promise<{ id: string; result?: ResyncResult }> {
  const mine = queuePlace(session.config.redisUrl);
  const workers = aliveWorkers(await listProcesses(session.pool));
  if (workers.length > 0 && workers.every((worker) => worker.queue.kind !== mine.kind))
    throw otherQueue(mine, workers);
  return withQueue(session, async (queues) => {
    const job = await queues.add(data);
    const id = job.id ?? '';
    if (!(await isTaken(queues, id))) throw await notTaken(session, queues, job, mine);
    return wait ? { id, result: await follow(queues, id) } : { id };
  });
}

async function isTaken(queues: Queues, id: string): Promise<boolean> {
  const deadline = performance.now() + TAKEN_WITHIN_MS;
  do {
    const state = await queues.queue.getJobState(id);
    if (TAKEN.has(state)) return true;
    await sleep(LOOK_EVERY_MS);
  } while (performance.now() < deadline);
  return false;
}

/** Says why, and takes the job back unless somebody on this queue will come to it. */
async function notTaken(
  { pool }: Session,
  queues: Queues,
  job: ResyncJob,
  mine: QueuePlace,
): Promise<UserError> {
  const workers = aliveWorkers(await listProcesses(pool));
  const ours = workers.filter(({ queue }) => queue.kind === mine.kind && queue.hash === mine.hash);
  if (ours.length > 0)
    return new UserError(
      `no worker took the job within 5 s: all are busy, and job ${job.id} waits (zoneferry job ${job.id})`,
    );
  await queues.queue.remove(job.id ?? '').catch(() => {});
  return workers.length > 0
    ? otherQueue(mine, workers)
    : new UserError('no worker took the job within 5 s: start one with zoneferry serve');
}

function aliveWorkers(processes: readonly ServiceProcess[]): ServiceProcess[] {
  return processes.filter((one) => one.alive && one.roles.includes('worker'));
}

function otherQueue(mine: QueuePlace, workers: readonly ServiceProcess[]): UserError {
  const theirs = workers[0]?.queue.kind;
  const place = (kind: string | undefined) => (kind === 'redis' ? 'Redis' : 'PostgreSQL');
  return new UserError(
    theirs === mine.kind
      ? "the service's queue is on another Redis than this command's: set REDIS_URL alike for both"
      : `the service's queue is on ${place(theirs)}, this command's on ${place(mine.kind)}: set REDIS_URL alike for both`,
  );
}

async function follow(queues: Queues, id: string): Promise<ResyncResult> {
  const bar = new ProgressBar(process.stderr);
  const interrupted = onInterrupt();
  try {
    for (;;) {
      const job = await queues.queue.getJob(id);
      if (!job)
        throw new UserError(
          `job ${id} is gone from the queue, cancelled or removed; what it changed stands in the database`,
        );
      if (job.returnvalue) return job.returnvalue;
      // one that waits for its next try has a reason, too
      if (job.failedReason && (await queues.queue.getJobState(id)) === 'failed')
        throw new UserError(`job ${id} failed: ${job.failedReason}`);
      bar.show(job.progress as ResyncProgress | undefined);
      if (interrupted.yes)
        throw new UserError(`waiting was interrupted; job ${id} goes on (zoneferry job ${id})`);
      await Promise.race([sleep(LOOK_EVERY_MS), interrupted.wake]);
    }
  } finally {
    interrupted.off();
    bar.clear();
  }
}
