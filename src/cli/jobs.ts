import type { Command } from 'commander';
import { jobRecord } from '../sync/job-record.ts';
import { oneOf, usual, wholeNumber } from './arguments.ts';
import { withDatabase } from './database.ts';
import { onQueue, progressOf, resultOf, whatOf } from './job-words.ts';
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
}

async function list(options: Json & { state?: State; limit: number }): Promise<void> {
  const jobs = await withDatabase((session) =>
    onQueue(session, async (queues) => {
      const states = options.state ? [options.state] : STATES;
      const found = await Promise.all(
        states.map(async (state) => {
          const page = await queues.queue.getJobs([state], 0, options.limit - 1);
          return page.flatMap((job) => (job?.id === undefined ? [] : jobRecord(job, state)));
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
