import { systemClock } from '../clock.ts';
import { messageOf, UserError } from '../errors.ts';
import { silentLog } from '../log.ts';
import { openQueues, type Queues } from '../sync/queues.ts';
import type { Session } from './database.ts';

const REACHED_WITHIN_MS = 5_000;

/** Runs work on the queue of the settings; an error in one line where it can't be reached in time. */
export async function withQueue<T>(
  { config, databaseUrl }: Session,
  work: (queues: Queues) => Promise<T>,
): Promise<T> {
  return withQueueAt(databaseUrl, config.redisUrl, work);
}

/** The same by URLs: without `redisUrl` the queue is in the database. */
export async function withQueueAt<T>(
  databaseUrl: string,
  redisUrl: string | undefined,
  work: (queues: Queues) => Promise<T>,
): Promise<T> {
  const queues = await open(databaseUrl, redisUrl);
  try {
    return await work(queues);
  } finally {
    await queues.close(1_000);
  }
}

async function open(databaseUrl: string, redisUrl: string | undefined): Promise<Queues> {
  let said = '';
  const log = { ...silentLog, warn: (_: unknown, message: string) => (said = message) };
  try {
    return await openQueues({
      databaseUrl,
      ...(redisUrl === undefined ? {} : { redisUrl }),
      log: { ...log, child: () => log as never },
      clock: systemClock,
      signal: AbortSignal.timeout(REACHED_WITHIN_MS),
    });
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `the queue does not answer (${said.replace(/^waiting for the queue: /, '') || messageOf(error)}): check ${redisUrl === undefined ? 'DATABASE_URL' : 'REDIS_URL'}`,
    );
  }
}
