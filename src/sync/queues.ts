import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, type Telemetry } from 'bullmq';
import type { Clock } from '../clock.ts';
import { messageOf, UserError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type Change, changeOf } from '../trace.ts';
import type { Backend } from './queue/backend.ts';
import { type Cancelled, cancelJob, retryJob } from './queue/cancel.ts';
import { openBackend } from './queue/choose.ts';
import { within } from './queue/deadline.ts';
import {
  isScheduled,
  JOB_NAME,
  QUEUE_NAME,
  type ResyncData,
  type ResyncResult,
  SCHEDULED,
} from './queue/job.ts';
import { sweepFinished } from './queue/retention.ts';
import { type ResyncJob, type ResyncProcessor, ResyncWorker } from './queue/workers.ts';

/** What tells a job from every other one. */
export type AddedJob = Pick<ResyncJob, 'id' | 'timestamp' | 'deduplicationId' | 'opts'>;

/** By what all that a job changes is followed: the same whoever asks, at every try; one for all who add the job of a tick. */
export function changeOfJob(job: AddedJob): Change {
  const handedOn = /"traceparent":"..-([0-9a-f]{32})-([0-9a-f]{16})-/.exec(
    job.opts.telemetry?.metadata ?? '',
  );
  if (handedOn) return `${handedOn[1]}-${handedOn[2]}`;
  return changeOf(job.deduplicationId ?? `job ${job.id} ${job.timestamp}`);
}

export type { Cancelled } from './queue/cancel.ts';
export type { ResyncData, ResyncProgress, ResyncResult } from './queue/job.ts';
export type { ResyncJob, ResyncProcessor } from './queue/workers.ts';

export interface QueuesOptions {
  /** Where the queue lives while `redisUrl` is unset, in the schema `bullmq`. */
  readonly databaseUrl: string;
  readonly redisUrl?: string;
  readonly log: Log;
  readonly clock: Clock;
  /** BullMQ's hook for traces. */
  readonly telemetry?: Telemetry;
  /** Ends the waiting for a backend that is away. */
  readonly signal?: AbortSignal;
}

const WAIT_MS = 1_000;
const SAY_AGAIN_MS = 30_000;
const COMMAND_MS = 5_000;
const MEND_EVERY_MS = 5_000;
const SWEEP_AFTER_MS = 1_000;
/** A sweep reads every finished job: one that read 10,000 rests for 100 s. */
const SWEEP_REST_PER_JOB_MS = 10;
const SWEEP_EVERY_MS = 60_000;
/**
 * Jobs of earlier ticks that may be under way when a tick adds another. More than one, as one may be that of a worker that died a
 * moment ago.
 */
const TICKS_ACTIVE = 2;
/** Jobs that are read to find those; so many others waiting do a tick's work as well. */
const JOBS_READ = 100;
/** Milliseconds that jobs under way have to end when the service stops; most need less. */
const HAND_BACK_MS = 2_000;
/** Longer than clocks of several machines are apart, and than a tick. */
const TICK_REMEMBERED_MS = 10 * 60 * 1000;

/**
 * Opens the queue on PostgreSQL, or on Redis or Valkey where `redisUrl` is set. While the backend is away it waits,
 * and says so.
 *
 * @throws UserError where waiting does not help: a wrong password, a missing right, a Redis that is too old
 */
export async function openQueues(options: QueuesOptions): Promise<Queues> {
  const backend = openBackend(options.databaseUrl, options.redisUrl);
  await waitFor(backend, options);
  return new Queues(backend, options);
}

/** The queue `resync`: its producer and its workers, on either backend. */
export class Queues {
  readonly kind: 'postgresql' | 'redis';
  /** For reading: counts, jobs by state, and for Bull Board. Jobs are added by `add`. */
  readonly queue: Queue<ResyncData, ResyncResult, string>;
  readonly #backend: Backend;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #telemetry: { telemetry?: Telemetry };
  readonly #workers: ResyncWorker[] = [];
  readonly #mendTimer: NodeJS.Timeout;
  #mending: Promise<void> | undefined;
  #sweepTimer: NodeJS.Timeout | undefined;
  #sweepAt = Number.POSITIVE_INFINITY;
  #sweeping = false;
  #sweepNotBefore = 0;
  #lastSaid = { text: '', at: 0 };
  #closing: Promise<void> | undefined;

  constructor(backend: Backend, options: Pick<QueuesOptions, 'log' | 'clock' | 'telemetry'>) {
    this.kind = backend.kind;
    this.#backend = backend;
    this.#log = options.log;
    this.#clock = options.clock;
    this.#telemetry = options.telemetry ? { telemetry: options.telemetry } : {};
    this.queue = new Queue(QUEUE_NAME, { ...backend.options, ...this.#telemetry }, backend.factory);
    this.queue.on('error', (error) => this.#trouble(error));
    this.#mendTimer = setInterval(() => this.#mend(), MEND_EVERY_MS).unref();
  }

  /**
   * Adds a resync.
   *
   * @param tick the name of a tick of the schedule: of all processes that add for the same one, the first adds
   * @throws Error when the queue does not take it within 5 s
   */
  async add(data: ResyncData, tick?: string): Promise<ResyncJob> {
    try {
      return await this.#add(data, tick);
    } catch (error) {
      // The schema may have been dropped a moment ago.
      if (this.#closing !== undefined || !(await this.#mend())) throw error;
      return this.#add(data, tick);
    }
  }

  /**
   * Adds the job of a tick of the schedule; undefined where those of earlier ticks wait or take longer than a tick: they do its work,
   * and must not pile up.
   *
   * @param round above 0 for one that the clock was set back to before
   */
  async addScheduled(tick: Date, round = 0): Promise<ResyncJob | undefined> {
    const piled = await within(COMMAND_MS, 'the queue', this.#ticksPileUp()).catch(() => false);
    const name = `tick-${tick.toISOString()}${round > 0 ? `-round-${round}` : ''}`;
    return piled ? undefined : this.add(SCHEDULED, name);
  }

  /** A job; undefined where there is none. Redis keeps more than jobs under names that pass for ids, which have no state. */
  async find(id: string): Promise<ResyncJob | undefined> {
    if ((await this.queue.getJobState(id)) === 'unknown') return undefined;
    return this.queue.getJob(id);
  }

  /**
   * Cancels a job: one that waits is removed, one under way is stopped, whichever process has it.
   *
   * @param by who wishes it, as its reason says: "from the command line"
   */
  cancel(id: string, by: string): Promise<Cancelled> {
    return cancelJob(this.queue, id, by);
  }

  /** Has a finished job run again, with all its tries. */
  retry(job: ResyncJob, state: 'failed' | 'completed'): Promise<void> {
    return retryJob(job, state);
  }

  /**
   * Starts a worker, and with it the sweeping of finished jobs. Stopped by `close`.
   *
   * @param concurrency jobs at once; those that run together share looks, so many at once cost little
   * @param lockMs a job whose worker died is taken up by another within about twice this time
   */
  work(processor: ResyncProcessor, { concurrency = 32, lockMs = 15_000 } = {}): void {
    const worker = new ResyncWorker(this.#backend, processor, {
      concurrency,
      lockMs,
      ...this.#telemetry,
      onTrouble: (error) => this.#trouble(error),
      onFinished: () => this.#sweepSoon(SWEEP_AFTER_MS),
    });
    this.#workers.push(worker);
    this.#sweepSoon(SWEEP_AFTER_MS);
  }

  /**
   * Takes no more jobs here. Those under way have until the deadline, then they are handed back, for another worker: to be called while all
   * that they work with is there.
   */
  async stopWork(deadlineMs = HAND_BACK_MS): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close(deadlineMs)));
  }

  /** Asks the backend for a sign of life. @throws Error when there is none within 5 s */
  async ping(): Promise<void> {
    await within(COMMAND_MS, 'the queue', this.queue.getJobCounts('waiting'));
  }

  /** Stops all of it. Jobs under way have until the deadline, then they are left to another worker. */
  close(deadlineMs = 10_000): Promise<void> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  async #add(data: ResyncData, tick: string | undefined): Promise<ResyncJob> {
    // With a time to live, the id outlasts its job: a slower clock's tick finds it although the job is done.
    const deduplication = tick && { id: tick, ttl: TICK_REMEMBERED_MS };
    const options = { removeOnComplete: false, removeOnFail: false, ...(deduplication && { deduplication }) };
    return within(COMMAND_MS, 'the queue', this.queue.add(JOB_NAME, data, options));
  }

  async #ticksPileUp(): Promise<boolean> {
    const [waiting, active] = await Promise.all(
      (['waiting', 'active'] as const).map((state) => this.queue.getJobs([state], 0, JOBS_READ - 1)),
    );
    const ticks = (jobs: readonly ResyncJob[] = []) => jobs.filter((job) => isScheduled(job?.data)).length;
    return ticks(waiting) > 0 || ticks(active) >= TICKS_ACTIVE || waiting?.length === JOBS_READ;
  }

  async #trouble(error: unknown): Promise<void> {
    if (this.#closing !== undefined) return;
    this.#say(`the queue is in trouble: ${messageOf(error)}`);
    await this.#mend();
  }

  /** True: the backend is well now. One at a time. */
  async #mend(): Promise<boolean> {
    this.#mending ??= this.#mendOnce().finally(() => {
      this.#mending = undefined;
    });
    return this.#mending.then(
      () => true,
      (error: unknown) => {
        if (this.#closing === undefined) this.#say(`the queue is away: ${messageOf(error)}`);
        return false;
      },
    );
  }

  async #mendOnce(): Promise<void> {
    const made = await within(MEND_EVERY_MS * 2, 'the queue', this.#backend.mend());
    if (!made || this.#closing !== undefined) return;
    this.#log.warn({ backend: this.kind }, 'the queue was gone and is made again; work goes on');
  }

  /** The earliest wish counts. */
  #sweepSoon(afterMs: number): void {
    const at = Math.max(performance.now() + afterMs, this.#sweepNotBefore);
    if (this.#closing !== undefined || at >= this.#sweepAt) return;
    this.#sweepAt = at;
    clearTimeout(this.#sweepTimer);
    if (this.#sweeping) return;
    this.#sweepTimer = setTimeout(() => this.#sweep(), at - performance.now()).unref();
  }

  async #sweep(): Promise<void> {
    this.#sweeping = true;
    this.#sweepAt = Number.POSITIVE_INFINITY;
    let read = 0;
    try {
      ({ read } = await sweepFinished(this.queue, this.#clock));
    } catch (error) {
      this.#say(`finished jobs can't be swept: ${messageOf(error)}`);
    }
    this.#sweepNotBefore = performance.now() + read * SWEEP_REST_PER_JOB_MS;
    this.#sweeping = false;
    // Jobs finished meanwhile; and jobs grow old without any finishing.
    const wished = this.#sweepAt - performance.now();
    this.#sweepAt = Number.POSITIVE_INFINITY;
    this.#sweepSoon(Math.min(Math.max(wished, 0), SWEEP_EVERY_MS));
  }

  /** The same sentence is said again after half a minute only. */
  #say(text: string): void {
    const now = performance.now();
    if (text === this.#lastSaid.text && now - this.#lastSaid.at < SAY_AGAIN_MS) return;
    this.#lastSaid = { text, at: now };
    this.#log.warn({ backend: this.kind }, text);
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#backend.giveUp();
    clearInterval(this.#mendTimer);
    clearTimeout(this.#sweepTimer);
    await this.stopWork(deadlineMs);
    const rest = [this.#mending, this.queue.close()];
    await within(COMMAND_MS, 'the queue', Promise.allSettled(rest)).catch(() => undefined);
  }
}

async function waitFor(backend: Backend, { log, signal }: QueuesOptions): Promise<void> {
  for (let saidAt: number | undefined; ; ) {
    signal?.throwIfAborted();
    try {
      await backend.mend();
      log.info(
        { backend: backend.kind },
        `the queue runs on ${backend.kind === 'redis' ? 'Redis' : 'PostgreSQL'}`,
      );
      return;
    } catch (error) {
      if (!backend.isAway(error)) throw refusal(backend, error);
      if (saidAt === undefined || performance.now() - saidAt > SAY_AGAIN_MS) {
        saidAt = performance.now();
        log.warn({ backend: backend.kind }, `waiting for the queue: ${messageOf(error)}`);
      }
      await sleep(WAIT_MS, undefined, signal && { signal });
    }
  }
}

function refusal(backend: Backend, error: unknown): UserError {
  if (error instanceof UserError) return error;
  const setting = backend.kind === 'redis' ? 'REDIS_URL' : 'DATABASE_URL';
  return new UserError(`${setting}: the queue can't be opened there: ${messageOf(error)}`);
}
