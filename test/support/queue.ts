import { createPostgresBackend, Queue, QueueEvents } from 'bullmq';

/** Adds a job `resync` as any BullMQ client does, to the queue in PostgreSQL, and gives what it returned. */
export async function addResync(databaseUrl: string, data: object): Promise<Record<string, number>> {
  const connection = { connectionString: databaseUrl, schema: 'bullmq' } as never;
  const queue = new Queue('resync', { connection }, createPostgresBackend as never);
  const events = new QueueEvents('resync', { connection }, createPostgresBackend as never);
  try {
    await events.waitUntilReady();
    const job = await queue.add('resync', data);
    return (await job.waitUntilFinished(events, 60_000)) as Record<string, number>;
  } finally {
    await events.close();
    await queue.close();
  }
}
