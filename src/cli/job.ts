import type { Command } from 'commander';
import { UserError } from '../errors.ts';
import { jobRecord } from '../sync/job-record.ts';
import { usual } from './arguments.ts';
import { withDatabase } from './database.ts';
import { noJob, onQueue, progressOf, resultOf, whatOf } from './job-words.ts';
import { print, printJson } from './output.ts';

interface Json {
  json?: boolean;
}

export function define(program: Command): void {
  const job = program
    .command('job')
    .description('show one job, cancel it, or run it again')
    .argument('[id]', 'the job')
    .action(show);
  usual(job, 'zoneferry job 17', 'zoneferry job cancel 17', 'zoneferry job retry 17');
  usual(
    job.command('retry').description('run a failed job again').argument('<id>', 'the job').action(retry),
    'zoneferry job retry 17',
  );
  usual(
    job
      .command('cancel')
      .description('remove a job that waits, stop one that is under way')
      .argument('<id>', 'the job')
      .action(cancel),
    'zoneferry job cancel 17',
  );
}

async function show(id: string | undefined, options: Json): Promise<void> {
  if (id === undefined) throw new UserError("missing required argument 'id'", 2);
  const job = await withDatabase((session) =>
    onQueue(session, async (queues) => {
      const found = await queues.find(id);
      if (!found) throw noJob(id);
      return jobRecord(found, await found.getState());
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

/** `job` has the option --json too, and takes it away from `job retry`. */
async function retry(id: string, _: Json, command: Command): Promise<void> {
  const options = command.optsWithGlobals<Json>();
  await withDatabase((session) =>
    onQueue(session, async (queues) => {
      const job = await queues.find(id);
      if (!job) throw noJob(id);
      const state = await job.getState();
      if (state !== 'failed' && state !== 'completed')
        throw new UserError(`job ${id} is ${state}: only a finished one can run again`);
      await queues.retry(job, state);
    }),
  );
  if (options.json) printJson({ id, state: 'waiting' });
  else print(`job ${id} waits for a worker`);
}

async function cancel(id: string, _: Json, command: Command): Promise<void> {
  const options = command.optsWithGlobals<Json>();
  const became = await withDatabase((session) =>
    onQueue(session, async (queues) => {
      const became = await queues.cancel(id, 'from the command line');
      if (became === 'unknown') throw noJob(id);
      if (became === 'finished')
        throw new UserError(`job ${id} is ${await queues.queue.getJobState(id)}: there is nothing to cancel`);
      return became;
    }),
  );
  if (options.json) printJson({ id, cancelled: became });
  else print(`job ${id} ${CANCELLED[became]}`);
}

const CANCELLED = {
  removed: 'was cancelled before it began, and is removed',
  stopped: 'was cancelled; what it had found until then stays and is published',
  noted: 'will be cancelled: its worker has not answered yet, and whoever takes the job up next will end it',
};
