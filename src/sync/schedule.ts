import { createTask, type ScheduledTask } from 'node-cron';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { inSpan, type Tracing } from '../trace.ts';
import { type AddedJob, changeOfJob } from './queues.ts';

/** What the schedule needs of the queue. */
export interface ScheduledQueue {
  /**
   * Adds the job of a tick; processes that add for the same tick add one together.
   *
   * @param round how often the clock was set back to before this tick: it is meant anew then, though it has been there. 0 for nearly all
   */
  addScheduled(tick: Date, round: number): Promise<AddedJob | undefined>;
}

/** The clock is looked at so often, whenever the next tick is: it may have been set. */
const LOOK_EVERY_MS = 1_000;
/** Less than this is no setting back, but the clock being kept right. */
const SET_BACK_MS = 2_000;

/**
 * Adds a resync of what is due at each tick of a cron expression, in the machine's time zone. A tick that the queue
 * does not take is said and let go: the next one does its work, as what is due stands in the database.
 *
 * The clock may be set meanwhile. Forward: what was passed over is one tick. Back: the ticks of that time come again.
 *
 * @returns how to stop it; ticks under way are waited for
 */
export async function startSchedule(
  expression: string,
  queue: ScheduledQueue,
  { clock, log, tracing }: { clock: Clock; log: Log; tracing?: Tracing | undefined },
): Promise<{ stop(): Promise<void> }> {
  const underWay = new Set<Promise<void>>();
  const calendar = new Calendar(expression, clock, log);
  let timer: NodeJS.Timeout;
  const look = () => {
    const due = calendar.look();
    if (due !== undefined) {
      const adding = addTick(queue, due, log, tracing).finally(() => underWay.delete(adding));
      underWay.add(adding);
    }
    timer = setTimeout(look, calendar.pause());
  };
  timer = setTimeout(look, calendar.pause());
  return {
    async stop() {
      clearTimeout(timer);
      await Promise.all(underWay);
    },
  };
}

interface Due {
  /** The time that was meant, not the one at which we woke: all processes must name a tick alike. */
  tick: Date;
  round: number;
}

/** When the next tick is, by a clock that may be set. node-cron's own timer would wait for hours where it is set back by hours. */
class Calendar {
  readonly #task: ScheduledTask;
  readonly #clock: Clock;
  readonly #log: Log;
  #next: number;
  #seen: number;
  /** The newest tick that was due. */
  #newest = Number.NEGATIVE_INFINITY;
  #round = 0;

  constructor(expression: string, clock: Clock, log: Log) {
    this.#task = createTask(expression, () => {}, { suppressMissedWarning: true, logger: asCronLogger(log) });
    this.#clock = clock;
    this.#log = log;
    this.#seen = clock.now();
    this.#next = this.#afterNow();
  }

  /** The tick that is due now. */
  look(): Due | undefined {
    const now = this.#clock.now();
    if (now < this.#seen - SET_BACK_MS) {
      this.#round++;
      this.#next = this.#afterNow();
      const seconds = Math.round((this.#seen - now) / 1_000);
      this.#log.warn({ seconds }, `the clock was set back by ${seconds} s: the schedule goes on from there`);
    }
    this.#seen = now;
    if (now < this.#next) return undefined;
    const tick = this.#next;
    this.#next = this.#afterNow();
    if (tick > this.#newest) this.#round = 0;
    this.#newest = Math.max(this.#newest, tick);
    return { tick: new Date(tick), round: this.#round };
  }

  /** Milliseconds until it is to be looked at again. */
  pause(): number {
    return Math.min(Math.max(0, this.#next - this.#clock.now()), LOOK_EVERY_MS);
  }

  #afterNow(): number {
    const [next] = this.#task.getNextRuns(1);
    return next === undefined ? Number.POSITIVE_INFINITY : Math.floor(next.getTime() / 1_000) * 1_000;
  }
}

async function addTick(
  queue: ScheduledQueue,
  { tick, round }: Due,
  log: Log,
  tracing: Tracing | undefined,
): Promise<void> {
  try {
    const added = await inSpan(tracing, 'tick', { tick: tick.toISOString() }, () =>
      queue.addScheduled(tick, round),
    );
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
