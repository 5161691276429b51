import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { messageOf, UserError } from '../errors.ts';
import type { Damping } from '../store/damping.ts';
import type { GuardStatus } from '../store/guards/status.ts';
import type { StateCounts } from '../store/ledger/states.ts';
import { type Overview, readOverview } from '../store/overview.ts';
import { queuePlace, type ServiceProcess } from '../store/processes.ts';
import type { AliasStatus, StatusPage } from '../store/status.ts';
import { STATES, inWords as standingInWords } from '../zone/convergence.ts';
import { usual, wholeNumber } from './arguments.ts';
import { type Session, withDatabase } from './database.ts';
import { onInterrupt } from './interrupt.ts';
import { counted, print, printJson, table } from './output.ts';

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
        const text = inWords(await readStatus(session, readQueue, limit));
        // the screen is overwritten, not cleared before: it does not flicker
        const lines = text.split('\n').map((line) => `${line}\x1b[K`);
        process.stdout.write(process.stdout.isTTY ? `\x1b[H${lines.join('\n')}\n\x1b[J` : `${text}\n\n`);
        await Promise.race([sleep(EVERY_MS), interrupt.wake]);
      }
      interrupt.off();
    }),
  );
}

interface QueueStatus {
  kind: string;
  counts?: Record<string, number>;
  error?: string;
}

type Status = Overview & { queue: QueueStatus };

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

function inJson(status: Status): object {
  const { zones, aliases, problems, ...rest } = status;
  return {
    zones: zones.rows,
    aliases: aliases.rows,
    damping: rest.damping,
    secondaries: rest.secondaries,
    convergence: rest.standing.rows.map((row) => ({ ...row, words: standingInWords(row, Date.now()) })),
    refusals: rest.refusals.rows,
    problems: problems.rows,
    ahead: rest.ahead.rows,
    guards: rest.guards,
    queue: rest.queue,
    processes: rest.processes,
    totals: {
      zones: zones.total,
      aliases: aliases.total,
      problems: problems.total,
      notConverged: rest.standing.total,
      refusals: rest.refusals.total,
    },
  };
}

function inWords(status: Status): string {
  const {
    zones,
    aliases,
    damping,
    secondaries,
    standing,
    refusals,
    problems,
    ahead,
    guards,
    processes,
    queue,
  } = status;
  return [
    `${counted(zones.total, 'zone')}, ${counted(aliases.total, 'alias', 'aliases')}, ${counted(secondaries.length, 'secondary', 'secondaries')}; ${queueInWords(queue)}`,
    processesInWords(processes),
    ...(damping.answers > 0 ? [dampingInWords(damping)] : []),
    ...guards.map(guardInWords),
    '',
    table(
      ['zone', 'serial', 'records', 'state'],
      zones.rows.map((zone) => [
        zone.zone,
        zone.serial,
        zone.records,
        zone.problem ??
          (zone.pending ? 'edits wait to be published' : zone.serial === null ? 'not published yet' : 'ok'),
      ]),
      'no zones: zoneferry zone import FILE makes one',
    ),
    ...rest(zones),
    '',
    table(
      ['alias', 'target', 'published', 'last look', 'outcome'],
      aliases.rows.map((alias) => [
        alias.name,
        alias.target,
        alias.published.join(' ') || null,
        ago(alias.lookedAt),
        outcomeInWords(alias),
      ]),
      'no aliases',
    ),
    ...rest(aliases),
    '',
    table(
      ['secondary', 'newest', 'answered', 'zones', 'last error'],
      secondaries.map((one) => [
        one.secondary,
        one.newest && `${one.newest.zone} ${one.newest.serial}`,
        one.newest?.ackedSerial,
        countsInWords(one.convergence),
        one.notify ? one.lastError : 'NOTIFY is off',
      ]),
      'no secondaries: zoneferry secondary add NAME --address IP registers one',
    ),
    ...(standing.total === 0
      ? []
      : [
          '',
          table(
            ['secondary', 'zone', 'serial', 'state', ''],
            standing.rows.map((row) => [
              row.secondary,
              row.zone,
              row.serial,
              row.state,
              standingInWords(row, Date.now()),
            ]),
            '',
          ),
          ...rest(standing),
        ]),
    ...(refusals.total === 0
      ? []
      : [
          '',
          table(
            ['refused', 'asked', 'times', 'last', 'why', 'what to do'],
            refusals.rows.map((row) => [
              `${row.address}${row.key === null ? '' : ` key ${row.key}`}`,
              [row.asked, row.zone].filter((part) => part).join(' '),
              row.count,
              ago(row.lastAt),
              row.detail,
              row.advice,
            ]),
            '',
          ),
          ...rest(refusals),
        ]),
    ...(ahead.total === 0
      ? []
      : [
          '',
          table(
            ['ahead', 'zone', 'has', 'ours', 'what to do'],
            ahead.rows.map((one) => [
              one.secondary,
              one.zone,
              one.serial,
              one.ours,
              one.command ?? 'nothing: a version past it is being published',
            ]),
            '',
          ),
          ...rest(ahead),
        ]),
    ...(problems.total === 0
      ? []
      : [
          '',
          table(
            ['record set aside', 'type', 'why'],
            problems.rows.map((record) => [record.name, record.type, record.problem]),
            '',
          ),
          ...rest(problems),
        ]),
  ].join('\n');
}

function countsInWords(counts: StateCounts | undefined): string {
  const present = STATES.filter((state) => (counts?.[state] ?? 0) > 0);
  return present.map((state) => `${counts?.[state]} ${state}`).join(', ') || 'none';
}

function rest(page: StatusPage<unknown>): string[] {
  const more = page.total - page.rows.length;
  return more > 0 ? [`… and ${more} more (--limit, --json)`] : [];
}

function queueInWords({ kind, counts, error }: QueueStatus): string {
  const place = kind === 'redis' ? 'Redis' : 'PostgreSQL';
  if (error !== undefined) return `queue on ${place}: ${error}`;
  const words = Object.entries(counts ?? {}).map(([state, count]) => `${count} ${state}`);
  return `queue on ${place}: ${words.join(', ')}`;
}

function dampingInWords({ answers, saved }: Damping): string {
  return `serials saved: ${saved.toLocaleString('en-US')} of ${answers.toLocaleString('en-US')}`;
}

function guardInWords({ message, since, zones }: GuardStatus): string {
  return `${message} (since ${since.toISOString()}; ${zones.join(', ')}${zones.length === 5 ? ' …' : ''})`;
}

function processesInWords(processes: readonly ServiceProcess[]): string {
  if (processes.length === 0) return 'no process of the service is alive: zoneferry serve starts one';
  return processes
    .map(
      (one) => `process ${one.id} (${one.roles.join(', ')}), up ${ago(one.startedAt)?.replace(' ago', '')}`,
    )
    .join('\n');
}

function outcomeInWords(alias: AliasStatus): string {
  const { a, aaaa, detail } = alias.outcome;
  const held =
    alias.heldReason === null
      ? ''
      : `held since ${alias.heldSince?.toISOString() ?? '?'}: ${alias.heldReason}`;
  const outcome = a === aaaa ? a : `A ${a}, AAAA ${aaaa}`;
  const from =
    alias.answeredBy === 'records' ? 'from own records' : alias.path && `over ${alias.path.join(' -> ')}`;
  const rotates = alias.damping && `its answers rotate, ${dampingInWords(alias.damping)}`;
  return [outcome, from, detail, rotates, held].filter((part) => part).join('; ');
}

function ago(moment: Date | null): string | null {
  if (!moment) return null;
  const seconds = Math.max(0, Math.round((Date.now() - moment.getTime()) / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min ago`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h ago` : `${Math.round(seconds / 86_400)} d ago`;
}
