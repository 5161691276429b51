import { messageOf } from '../../errors.ts';
import { hideCredentials } from '../../log.ts';
import { redisEviction } from '../../sync/queue/redis.ts';
import { withQueueAt } from '../queue.ts';
import { failed, ok, type Verdict, warning } from './verdict.ts';

/** The queue: whether it answers, and, on Redis, keeps what it is given. */
export async function checkQueue(databaseUrl: string, redisUrl: string | undefined): Promise<Verdict[]> {
  const name = redisUrl === undefined ? 'on the same PostgreSQL' : `on ${hideCredentials(redisUrl)}`;
  try {
    const asked = performance.now();
    const counts = await withQueueAt(databaseUrl, redisUrl, (queues) =>
      queues.queue.getJobCounts('waiting', 'active', 'failed'),
    );
    const answered = ok(
      'queue',
      `${name}, answers in ${Math.round(performance.now() - asked)} ms: ${counts.waiting ?? 0} jobs wait, ${counts.active ?? 0} run`,
    );
    if (redisUrl === undefined) return [answered];
    const eviction = await redisEviction(redisUrl);
    return eviction === undefined || eviction === 'noeviction'
      ? [answered]
      : [
          answered,
          warning(
            'queue memory',
            `maxmemory-policy is ${eviction}: Redis may throw jobs away under pressure. Nothing is lost but time; set it to noeviction`,
          ),
        ];
  } catch (error) {
    return [failed('queue', `${name}: ${messageOf(error)}`)];
  }
}
