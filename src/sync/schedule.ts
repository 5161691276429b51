import { createTask } from 'node-cron';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { inSpan, type Tracing } from '../trace.ts';
import { type AddedJob, changeOfJob } from './queues.ts';

/** What the schedule needs of the queue. */
export interface ScheduledQueue {
  /** Adds the job of a tick; processes that add for the same tick add one together. */
  addScheduled(tick: Date): Promise<AddedJob | undefined>;
}

/**
 * Adds a resync of what is due at each tick of a cron expression, in the machine's time zone. A tick that the queue
 * does not take is said and let go: the next one does its work, as what is due stands in the database.
 *
 * @returns how to stop it; ticks under way are waited for
 */
export async function startSchedule(
  expression: string,
  queue: ScheduledQueue,
  log: Log,
  tracing?: Tracing,
): Promise<{ stop(): Promise<void> }> {
  const underWay = new Set<Promise<void>>();
  const task = createTask(
    expression,
    ({ date }) => {
      const adding = addTick(queue, date, log, tracing).finally(() => underWay.delete(adding));
      underWay.add(adding);
    },
    { suppressMissedWarning: true, logger: asCronLogger(log) },
  );
  await task.start();
  return {
    async stop() {
      await task.destroy();
      await Promise.all(underWay);
    },
  };
}

async function addTick(
  queue: ScheduledQueue,
  date: Date,
  log: Log,
  tracing: Tracing | undefined,
): Promise<void> {
  // The time that was meant, not the one at which we woke: all processes must name a tick alike.
  const tick = new Date(Math.floor(date.getTime() / 1000) * 1000);
  try {
    const added = await inSpan(tracing, 'tick', { tick: tick.toISOString() }, () => queue.addScheduled(tick));
    log.debug({ tick, ...(added && { job: added.id, change: changeOfJob(added) }) }, 'tick');
  } catch (error) {
    log.warn({ tick, err: error }, `the queue did not take a tick: ${messageOf(error)}`);
  }
}

function asCronLogger(log: Log) {
  const text = (message: string | Error) => messageOf(message);
  return {
    info: (message: string) => log.debug({}, message),
    debug: (message: string | Error) => log.debug({}, text(message)),
    warn: (message: string) => log.warn({}, message),
    error: (message: string | Error) => log.error({}, text(message)),
  };
}
