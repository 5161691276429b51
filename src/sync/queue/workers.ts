import { setTimeout as sleep } from 'node:timers/promises';
import { Job, type Telemetry, UnrecoverableError, WaitingError, Worker } from 'bullmq';
import { messageOf } from '../../errors.ts';
import { databaseFailure } from '../../store/failure.ts';
import type { Backend } from './backend.ts';
import { wishToCancel } from './cancel.ts';
import { within } from './deadline.ts';
import {
  isScheduled,
  JOB_NAME,
  parseResyncData,
  QUEUE_NAME,
  type ResyncData,
  type ResyncProgress,
  type ResyncResult,
} from './job.ts';

/** A job as the processor gets it: its data are checked. */
export type ResyncJob = Job<ResyncData, ResyncResult, string>;

/**
 * Does the work of one job. `signal` is aborted when the job is cancelled, or the service can't wait any longer. An error thrown is the
 * reason the job failed; it is tried again unless it is BullMQ's UnrecoverableError.
 */
export type ResyncProcessor = (
  job: ResyncJob,
  data: ResyncData,
  signal: AbortSignal,
) => Promise<ResyncResult>;

/** How often a job whose worker died may be taken up by another. */
const MOST_STALLS = 3;
/** The pause after an error of the queue itself, in which it is mended: BullMQ would ask again at once. */
const PAUSE_MS = 1_000;
/** What an aborted job has to end in. */
const GRACE_MS = 1_000;
/** How often a job is tried, with what pause before the second try; it doubles. A tick's job is not: the next tick does its work. */
const TRIES = 5;
const FIRST_BACKOFF_MS = 1_000;
/** How often a worker looks whether one of its jobs is to be cancelled. */
const CANCEL_CHECK_MS = 1_000;
const STOPS = 'the service stops';

/** What a worker is told, and tells. */
export interface WorkerOptions {
  /** Jobs at once. */
  readonly concurrency: number;
  /** A job whose worker died is taken up by another within about twice this time. */
  readonly lockMs: number;
  readonly telemetry?: Telemetry;
  /** Is told errors of the queue, not of jobs, and mends what can be mended. */
  onTrouble(error: unknown): Promise<void>;
  /** Is called after each job. */
  onFinished(): void;
}

/** A worker of the queue. It rests while the queue is in trouble, and stops within a deadline. */
export class ResyncWorker {
  readonly #worker: Worker<ResyncData, ResyncResult, string>;
  readonly #options: WorkerOptions;
  #resting = false;
  #closing: Promise<void> | undefined;

  /** Starts at once. */
  constructor(backend: Backend, processor: ResyncProcessor, options: WorkerOptions) {
    this.#options = options;
    this.#worker = new Worker(
      QUEUE_NAME,
      // Three parameters: BullMQ hands the signal only to those who take it.
      (job: ResyncJob, token, signal) => this.#run(processor, job, token, signal),
      {
        ...backend.options,
        ...(options.telemetry ? { telemetry: options.telemetry } : {}),
        concurrency: options.concurrency,
        lockDuration: options.lockMs,
        stalledInterval: Math.ceil(options.lockMs / 3),
        maxStalledCount: MOST_STALLS,
        runRetryDelay: PAUSE_MS,
      },
      backend.factory,
    );
    this.#worker.on('completed', options.onFinished);
    this.#worker.on('failed', options.onFinished);
    this.#worker.on('error', (error) => this.#rest(error));
  }

  /** Takes no more jobs, waits for those under way until the deadline, then aborts them: another takes them up. */
  close(deadlineMs: number): Promise<void> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  async #run(
    processor: ResyncProcessor,
    job: ResyncJob,
    token: string | undefined,
    signal = new AbortController().signal,
  ): Promise<ResyncResult> {
    // A client's own retention would remove the jobs of others as well: the sweep alone removes.
    Object.assign(job.opts, { removeOnComplete: false, removeOnFail: false });
    if (!isScheduled(job.data)) {
      job.opts.attempts ||= TRIES;
      job.opts.backoff ??= { type: 'exponential', delay: FIRST_BACKOFF_MS };
    }
    const data = check(job);
    const unwatch = this.#watch(job);
    const aborted = new Promise<never>((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(new Error(String(signal.reason)))),
    );
    try {
      return await Promise.race([processor(job, data, signal), aborted]);
    } catch (error) {
      if (signal.aborted && signal.reason === STOPS) {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      if (signal.aborted) throw new UnrecoverableError(cancelled(String(signal.reason), job.progress));
      if (error instanceof UnrecoverableError) throw error;
      throw new Error(databaseFailure(error)?.message ?? messageOf(error), { cause: error });
    } finally {
      unwatch();
    }
  }

  /** Aborts a job under way when somebody cancels it. */
  #watch(job: ResyncJob): () => void {
    const timer = setInterval(async () => {
      const now = await Job.fromId(this.#worker, job.id ?? '').catch(() => undefined);
      const by = wishToCancel(now?.data);
      if (by !== undefined) this.#worker.cancelJob(job.id ?? '', by);
    }, CANCEL_CHECK_MS).unref();
    return () => clearInterval(timer);
  }

  /** Takes no jobs until the trouble is looked after, and for a moment at least. */
  async #rest(error: unknown): Promise<void> {
    if (this.#resting || this.#closing !== undefined) return;
    this.#resting = true;
    await this.#worker.pause(true);
    await Promise.all([this.#options.onTrouble(error), sleep(PAUSE_MS)]);
    this.#resting = false;
    if (this.#closing === undefined) await this.#worker.resume();
  }

  async #close(deadlineMs: number): Promise<void> {
    // BullMQ's close waits without end, and can't be hurried once it waits: so its connections are cut.
    const closed = this.#worker.close();
    const late = await within(deadlineMs, 'the last job', closed).catch(() => 'late');
    if (late !== 'late') return;
    this.#worker.cancelAllJobs(STOPS);
    await within(GRACE_MS, 'the last job', closed).catch(() => this.#cut());
  }

  /** Without its connection the lock of a job that still runs is not renewed. */
  async #cut(): Promise<void> {
    await within(GRACE_MS, 'the queue', this.#worker.disconnect()).catch(() => undefined);
  }
}

function cancelled(by: string, progress: unknown): string {
  const { phase, done, total } = (progress ?? {}) as Partial<ResyncProgress>;
  const far = phase === undefined ? '' : `, in the phase ${phase} (${done} of ${total})`;
  return `cancelled ${by}${far}: what was found until then stays and is published`;
}

function check(job: ResyncJob): ResyncData {
  const by = wishToCancel(job.data);
  if (by !== undefined) throw new UnrecoverableError(`cancelled ${by}, before it began`);
  if (job.name !== JOB_NAME) {
    throw new UnrecoverableError(`name: got "${job.name}", takes "${JOB_NAME}"`);
  }
  try {
    return parseResyncData(job.data);
  } catch (error) {
    // Trying again would not help.
    throw new UnrecoverableError(messageOf(error));
  }
}
