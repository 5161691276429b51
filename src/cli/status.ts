import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { messageOf, printable, UserError } from '../errors.ts';
import { readOverview } from '../store/overview.ts';
import { queuePlace } from '../store/processes.ts';
import { usual, wholeNumber } from './arguments.ts';
import { type Session, withDatabase } from './database.ts';
import { onInterrupt } from './interrupt.ts';
import { print, printJson } from './output.ts';
import { inJson } from './status/json.ts';
import type { QueueStatus, Status } from './status/kinds.ts';
import { inWords } from './status/words.ts';

const EVERY_MS = 1_000;
const ALL = 1_000_000_000;

interface Options {
  watch?: boolean;
  limit?: number;
  json?: boolean;
}

export function define(program: Command): void {
  const command = program
    .command('status')
    .description('zones, aliases, secondaries and the queue on one screen; what is in trouble stands first')
    .option('--watch', 'look again every second, until Ctrl-C')
    .option(
      '--limit <rows>',
      'rows of each table at most (default: 15, with --json all)',
      wholeNumber(1, ALL),
    )
    .action(run);
  usual(command, 'zoneferry status', 'zoneferry status --watch');
}

async function run(options: Options): Promise<void> {
  if (options.watch && options.json) throw new UserError('--watch and --json exclude one another', 2);
  const limit = options.limit ?? (options.json ? ALL : 15);
  await withDatabase((session) =>
    onQueue(session, async (readQueue) => {
      if (options.json) {
        printJson(inJson(await readStatus(session, readQueue, limit)));
        return;
      }
      if (!options.watch) {
        print(inWords(await readStatus(session, readQueue, limit)));
        return;
      }
      const interrupt = onInterrupt();
      while (!interrupt.yes) {
        const text = printable(inWords(await readStatus(session, readQueue, limit)));
        // the screen is overwritten, not cleared before: it does not flicker
        const lines = text.split('\n').map((line) => `${line}\x1b[K`);
        process.stdout.write(process.stdout.isTTY ? `\x1b[H${lines.join('\n')}\n\x1b[J` : `${text}\n\n`);
        await Promise.race([sleep(EVERY_MS), interrupt.wake]);
      }
      interrupt.off();
    }),
  );
}

async function readStatus(
  { pool }: Session,
  readQueue: () => Promise<QueueStatus>,
  limit: number,
): Promise<Status> {
  const [overview, queue] = await Promise.all([readOverview(pool, limit, Date.now()), readQueue()]);
  return { ...overview, queue };
}

/** A queue that can't be reached is part of the state, no failure of the command. */
async function onQueue(
  session: Session,
  work: (readQueue: () => Promise<QueueStatus>) => Promise<void>,
): Promise<void> {
  const { kind } = queuePlace(session.config.redisUrl);
  const { withQueue } = await import('./queue.ts');
  let reached = false;
  try {
    await withQueue(session, (queues) => {
      reached = true;
      return work(async () => {
        try {
          const counts = await queues.queue.getJobCounts(
            'waiting',
            'active',
            'delayed',
            'completed',
            'failed',
          );
          return { kind, counts };
        } catch (error) {
          return { kind, error: messageOf(error) };
        }
      });
    });
  } catch (error) {
    if (reached) throw error;
    await work(async () => ({ kind, error: messageOf(error) }));
  }
}
