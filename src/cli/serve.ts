import { type Command, InvalidArgumentError } from 'commander';
import { UserError } from '../errors.ts';
import { list, usual } from './arguments.ts';
import { printJson } from './output.ts';

const ROLES = ['transfer', 'worker', 'scheduler', 'api'] as const;
type Role = (typeof ROLES)[number];
/** Milliseconds: longer than transfers and jobs under way are given. */
const STOP_WITHIN = 25_000;

export function define(program: Command): void {
  const command = program
    .command('serve')
    .description('run the service until SIGTERM or SIGINT; a second signal ends it at once')
    .option('--roles <roles>', `some of ${ROLES.join(', ')}, between commas`, roles, [...ROLES])
    .option('--processes <number>', 'processes of the role transfer, which share its ports', processes)
    .addHelpText(
      'after',
      '\nAll roles run by default. NOTIFY and the checks of secondaries are sent by `transfer`.\nWith --json one line says on standard output when the service is ready; the log is on standard error.',
    )
    .action(run);
  usual(command, 'zoneferry serve', 'zoneferry serve --roles transfer --processes 2');
}

async function run(options: { roles: Role[]; processes?: number; json?: boolean }): Promise<void> {
  const [{ loadConfig }, { createLog }, { startService, SHARES_PORTS }] = await Promise.all([
    import('../config.ts'),
    import('../log.ts'),
    import('../app.ts'),
  ]);
  if (options.processes !== undefined && !options.roles.includes('transfer'))
    throw new UserError('--processes is about the role transfer, which is not among --roles', 2);
  const config = loadConfig(process.env, process.cwd());
  const log = createLog({ level: config.logLevel, format: config.logFormat });
  const stopping = new AbortController();
  const signal = asked(stopping);
  try {
    const service = await startService(config, {
      roles: options.roles,
      ...(options.processes === undefined ? {} : { processes: options.processes }),
      sharesPorts: process.env[SHARES_PORTS] === 'on',
      log,
      signal: stopping.signal,
      // at once, as if it were killed: what is under way is not to be finished
      onOutdated: (reason) => {
        process.stderr.write(`error: ${reason.message}\n`);
        process.exit(reason.exitCode);
      },
    });
    process.send?.({ ready: true });
    log.info({ pid: process.pid, roles: options.roles }, 'ready');
    if (options.json) printJson({ ready: true, pid: process.pid, roles: options.roles });
    const name = await signal;
    log.info({ signal: name }, `${name}: stopping`);
    const late = setTimeout(() => {
      log.warn(
        {},
        `not stopped within ${STOP_WITHIN / 1_000} s, as something that was waited for does not answer (PostgreSQL, the queue?): ended all the same. What is committed stays; what was under way is done again by another process, or at the next start`,
      );
      process.exit(0);
    }, STOP_WITHIN);
    await service.stop();
    clearTimeout(late);
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
    // asked to stop while it waited for PostgreSQL or Redis
  }
  log.info({}, 'stopped');
}

/** Resolves with the first signal, or when the process that started this one is gone; the second one ends the process at once. */
function asked(stopping: AbortController): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const onSignal = (name: NodeJS.Signals) => {
      if (stopping.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143);
      stopping.abort(new UserError('asked to stop'));
      resolve(name);
    };
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
    process.once('disconnect', () => stopping.signal.aborted || onSignal('SIGTERM'));
    process.channel?.unref();
  });
}

function roles(text: string): Role[] {
  const words = list(text.toLowerCase());
  const wrong = words.find((word) => !ROLES.some((role) => role === word));
  if (wrong !== undefined || words.length === 0)
    throw new InvalidArgumentError(
      `${wrong === undefined ? 'It' : `"${wrong}" is no role: it`} takes ${ROLES.join(', ')}.`,
    );
  return ROLES.filter((role) => words.includes(role));
}

function processes(text: string): number {
  const count = Number(text);
  if (!/^\d{1,3}$/.test(text) || count < 1 || count > MOST_PROCESSES)
    throw new InvalidArgumentError(`It takes a number from 1 to ${MOST_PROCESSES}.`);
  return count;
}

const MOST_PROCESSES = 128;
