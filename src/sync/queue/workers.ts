import { setTimeout as sleep } from 'node:timers/promises';
import { type Job, UnrecoverableError, Worker } from 'bullmq';
import { messageOf } from '../../errors.ts';
import type { Backend } from './backend.ts';
import { within } from './deadline.ts';
import { JOB_NAME, parseResyncData, QUEUE_NAME, type ResyncData, type ResyncResult } from './job.ts';

/** A job as the processor gets it: its data are checked. */
export type ResyncJob = Job<ResyncData, ResyncResult, string>;

/**
 * Does the work of one job. `signal` is aborted when the service can't wait any longer. An error thrown is the
 * reason the job failed; BullMQ's UnrecoverableError keeps it from being tried again.
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

/** What a worker is told, and tells. */
export interface WorkerOptions {
  /** Jobs at once. */
  readonly concurrency: number;
  /** A job whose worker died is taken up by another within about twice this time. */
  readonly lockMs: number;
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
      (job: ResyncJob, _token, signal) => run(processor, job, signal),
      {
        ...backend.options,
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
    this.#worker.cancelAllJobs('the service stops');
    await within(GRACE_MS, 'the last job', closed).catch(() => this.#cut());
  }

  /** Without its connection the lock of a job that still runs is not renewed. */
  async #cut(): Promise<void> {
    await within(GRACE_MS, 'the queue', this.#worker.disconnect()).catch(() => undefined);
  }
}

async function run(processor: ResyncProcessor, job: ResyncJob, signal?: AbortSignal): Promise<ResyncResult> {
  // A client's own retention would remove the jobs of others as well: the sweep alone removes.
  Object.assign(job.opts, { removeOnComplete: false, removeOnFail: false });
  return processor(job, check(job), signal ?? new AbortController().signal);
}

function check(job: ResyncJob): ResyncData {
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
