import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, Queue } from 'bullmq';

/** What became of a wish to cancel a job. */
export type Cancelled =
  /** No worker had begun it: it is gone from the queue. */
  | 'removed'
  /** Its worker stopped; the job is `failed`, with a reason that says so. */
  | 'stopped'
  /** It is noted at the job; the worker that has it, or the next one that takes it, will stop. */
  | 'noted'
  /** It had ended before. */
  | 'finished'
  | 'unknown';

const STOPS_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 50;

/**
 * Cancels a job, on either backend and wherever its worker runs. For one that is under way the wish is noted in its data, where its
 * worker looks every second: so it holds, too, when that worker dies and another takes the job up.
 *
 * @param by who wishes it, for people: "from the command line"
 */
export async function cancelJob(queue: Queue, id: string, by: string): Promise<Cancelled> {
  for (const end = performance.now() + STOPS_WITHIN_MS; ; await sleep(LOOK_EVERY_MS)) {
    const state = await queue.getJobState(id);
    if (state === 'unknown') return 'unknown';
    if (state === 'failed' || state === 'completed') {
      const job: Job | undefined = await queue.getJob(id);
      return job && wishToCancel(job.data) !== undefined && state === 'failed' ? 'stopped' : 'finished';
    }
    // gives 0 for one that a worker has just taken
    if (state !== 'active' && (await queue.remove(id)) === 1) return 'removed';
    const job: Job | undefined = await queue.getJob(id);
    if (job && wishToCancel(job.data) === undefined) await job.updateData({ ...job.data, [FIELD]: by });
    if (performance.now() > end) return 'noted';
  }
}

/** Has a finished job run again, with all its tries; that it was cancelled once is forgotten. */
export async function retryJob(job: Job, state: 'failed' | 'completed'): Promise<void> {
  if (wishToCancel(job.data) !== undefined) {
    const { [FIELD]: _, ...data } = job.data;
    await job.updateData(data);
  }
  await job.retry(state, { resetAttemptsMade: true });
}

/** Who wished that a job with these data be cancelled; undefined: nobody. */
export function wishToCancel(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null || !(FIELD in data)) return undefined;
  return typeof data[FIELD] === 'string' ? data[FIELD] : 'by request';
}

const FIELD = 'cancelled';
