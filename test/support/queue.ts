import { createPostgresBackend, type Job, Queue } from 'bullmq';
import { until } from './until.ts';

/** Adds a job `resync` as any BullMQ client does, to the queue in PostgreSQL, and gives what it returned. */
export async function addResync(databaseUrl: string, data: object): Promise<Record<string, number>> {
  const connection = { connectionString: databaseUrl, schema: 'bullmq' } as never;
  const queue = new Queue('resync', { connection }, createPostgresBackend as never);
  try {
    const job = await queue.add('resync', data);
    return (await resultOf(queue, job, 60_000)) as Record<string, number>;
  } finally {
    await queue.close();
  }
}

/**
 * What a job returned when it ended; what it failed with is thrown. It is asked for again and again: BullMQ's events may be missed by who
 * has only begun to listen, as it calls itself ready before it has read where they stand.
 */
export async function resultOf(
  queue: Pick<Queue, 'getJob' | 'getJobState'>,
  { id = '' }: Pick<Job, 'id'>,
  deadlineMs: number,
): Promise<unknown> {
  // the state tells: a reason may be that of an earlier try
  const state = await until(
    `job ${id} has ended`,
    async () => {
      const reached = await queue.getJobState(id);
      return (reached === 'completed' || reached === 'failed') && reached;
    },
    { deadlineMs, everyMs: 20 },
  );
  const job: Job | undefined = await queue.getJob(id);
  if (state === 'failed') throw new Error(job?.failedReason);
  return job?.returnvalue;
}
