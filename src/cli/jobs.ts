import type { Command } from 'commander';
import { UserError } from '../errors.ts';
import type { ResyncJob } from '../sync/queues.ts';
import { oneOf, usual, wholeNumber } from './arguments.ts';
import { type Session, withDatabase } from './database.ts';
import { print, printJson, table } from './output.ts';

const STATES = ['waiting', 'active', 'completed', 'failed', 'delayed'] as const;
type State = (typeof STATES)[number];

interface Json {
  json?: boolean;
}

export function define(program: Command): void {
  usual(
    program
      .command('jobs')
      .description('list the jobs of the queue, the newest first')
      .option('--state <state>', `only ${STATES.join(', ')}`, oneOf(STATES))
      .option('--limit <number>', 'at most so many of each state', wholeNumber(1, 10_000), 20)
      .action(list),
    'zoneferry jobs --state failed',
  );
  const job = program
    .command('job')
    .description('show one job, or retry it')
    .argument('[id]', 'the job')
    .action(show);
  usual(job, 'zoneferry job 17', 'zoneferry job retry 17');
  usual(
    job.command('retry').description('run a failed job again').argument('<id>', 'the job').action(retry),
    'zoneferry job retry 17',
  );
}

async function list(options: Json & { state?: State; limit: number }): Promise<void> {
  const jobs = await withDatabase((session) =>
    onQueue(session, async (queues) => {
      const states = options.state ? [options.state] : STATES;
      const found = await Promise.all(
        states.map(async (state) => {
          const page = await queues.queue.getJobs([state], 0, options.limit - 1);
          return page.flatMap((job) => (job?.id === undefined ? [] : jobJson(job, state)));
        }),
      );
      return found.flat().sort((a, b) => b.addedAt.localeCompare(a.addedAt));
    }),
  );
  if (options.json) {
    printJson(jobs);
    return;
  }
  print(
    table(
      ['job', 'state', 'added', 'what', 'progress', 'result'],
      jobs.map((job) => [job.id, job.state, job.addedAt, whatOf(job.data), progressOf(job), resultOf(job)]),
      options.state ? `no job is ${options.state}` : 'no jobs',
    ),
  );
}

async function show(id: string | undefined, options: Json): Promise<void> {
  if (id === undefined) throw new UserError("missing required argument 'id'", 2);
  const job = await withDatabase((session) =>
    onQueue(session, async (queues) => {
      const found = await queues.queue.getJob(id);
      if (!found) throw noJob(id);
      return jobJson(found, await found.getState());
    }),
  );
  if (options.json) {
    printJson(job);
    return;
  }
  const lines: [string, string | null][] = [
    ['job', job.id],
    ['state', job.state],
    ['what', whatOf(job.data)],
    ['added', job.addedAt],
    ['started', job.startedAt],
    ['finished', job.finishedAt],
    ['attempts', String(job.attempts)],
    ['progress', progressOf(job)],
    ['result', resultOf(job)],
  ];
  print(lines.map(([title, value]) => `${title.padEnd(10)}${value ?? '-'}`).join('\n'));
}

async function retry(id: string, options: Json): Promise<void> {
  await withDatabase((session) =>
    onQueue(session, async (queues) => {
      const job = await queues.queue.getJob(id);
      if (!job) throw noJob(id);
      const state = await job.getState();
      if (state !== 'failed' && state !== 'completed')
        throw new UserError(`job ${id} is ${state}: only a finished one can run again`);
      await job.retry(state);
    }),
  );
  if (options.json) printJson({ id, state: 'waiting' });
  else print(`job ${id} waits for a worker`);
}

/** BullMQ is loaded only here: it takes longer than all the rest of a command. */
async function onQueue<T>(
  session: Session,
  work: (queues: import('../sync/queues.ts').Queues) => Promise<T>,
): Promise<T> {
  const { withQueue } = await import('./queue.ts');
  return withQueue(session, work);
}

interface JobJson {
  id: string;
  name: string;
  state: string;
  data: unknown;
  progress: unknown;
  addedAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  attempts: number;
  result: unknown;
  failedReason: string | null;
}

function jobJson(job: ResyncJob, state: string): JobJson {
  return {
    id: job.id ?? '',
    name: job.name,
    state,
    data: job.data,
    progress: job.progress || null,
    addedAt: new Date(job.timestamp).toISOString(),
    startedAt: timeOf(job.processedOn),
    finishedAt: timeOf(job.finishedOn),
    attempts: job.attemptsMade,
    result: job.returnvalue ?? null,
    failedReason: job.failedReason || null,
  };
}

function timeOf(ms: number | undefined): string | null {
  return ms ? new Date(ms).toISOString() : null;
}

function whatOf(data: unknown): string {
  const { zones, due, force, reason } = (data ?? {}) as Record<string, unknown>;
  const what =
    Array.isArray(zones) && zones.length > 0 ? zones.join(', ') : due ? 'targets that are due' : 'all zones';
  return `${what}${force ? ', forced' : ''}${typeof reason === 'string' ? ` (${reason})` : ''}`;
}

function progressOf(job: JobJson): string | null {
  const { phase, done, total } = (job.progress ?? {}) as Record<string, unknown>;
  return phase === undefined ? null : `${phase} ${done}/${total}`;
}

function resultOf(job: JobJson): string | null {
  if (job.failedReason !== null) return job.failedReason;
  const { targets, changedRecords, changedZones, ms } = (job.result ?? {}) as Record<string, unknown>;
  return targets === undefined
    ? null
    : `${targets} targets, ${changedRecords} records in ${changedZones} zones changed, ${ms} ms`;
}

function noJob(id: string): UserError {
  return new UserError(`no job ${id}: zoneferry jobs lists those there are`);
}
