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

/**
 * Starts a worker of the queue.
 *
 * @param onTrouble is told errors of the queue, not of jobs, and mends what can be mended
 * @param onFinished is called after each job
 */
export function startWorker(
  backend: Backend,
  processor: ResyncProcessor,
  options: { concurrency: number; onTrouble(error: unknown): Promise<void>; onFinished(): void },
): StartedWorker {
  const worker: Worker<ResyncData, ResyncResult, string> = new Worker(
    QUEUE_NAME,
    // Three parameters: BullMQ hands the signal only to those who take it.
    (job: ResyncJob, _token, signal) => run(processor, job, signal),
    {
      ...backend.options,
      concurrency: options.concurrency,
      // A job of a killed worker is taken up by another within these two together.
      lockDuration: 15_000,
      stalledInterval: 5_000,
      maxStalledCount: MOST_STALLS,
      drainDelay: 5,
      runRetryDelay: PAUSE_MS,
    },
    backend.factory,
  );
  const started = new StartedWorker(worker, options.onTrouble);
  worker.on('completed', options.onFinished);
  worker.on('failed', options.onFinished);
  worker.on('error', (error) => started.rest(error));
  return started;
}

/** A worker that rests while the queue is in trouble, and stops within a deadline. */
export class StartedWorker {
  readonly worker: Worker<ResyncData, ResyncResult, string>;
  readonly #onTrouble: (error: unknown) => Promise<void>;
  #resting = false;
  #closing: Promise<void> | undefined;

  constructor(
    worker: Worker<ResyncData, ResyncResult, string>,
    onTrouble: (error: unknown) => Promise<void>,
  ) {
    this.worker = worker;
    this.#onTrouble = onTrouble;
  }

  /** Takes no jobs until the trouble is looked after, and for a moment at least. */
  async rest(error: unknown): Promise<void> {
    if (this.#resting || this.#closing !== undefined) return;
    this.#resting = true;
    await this.worker.pause(true).catch(() => undefined);
    await Promise.all([this.#onTrouble(error), new Promise((resolve) => setTimeout(resolve, PAUSE_MS))]);
    this.#resting = false;
    if (this.#closing === undefined) await this.worker.resume();
  }

  /** Takes no more jobs, waits for those under way until the deadline, then aborts them: another takes them up. */
  close(deadlineMs: number): Promise<void> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  async #close(deadlineMs: number): Promise<void> {
    const finished = await within(deadlineMs, 'the last job', this.worker.pause()).then(
      () => true,
      () => false,
    );
    if (!finished) this.worker.cancelAllJobs('the service stops');
    await within(deadlineMs, 'the queue', this.worker.close(!finished)).catch(() => undefined);
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
