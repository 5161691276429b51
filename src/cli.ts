import { Command, CommanderError } from 'commander';
import { VERSION } from './version.ts';

/** A command group: what `--help` says of it, and where it is. Only the group asked for is loaded, so that commands start fast. */
interface Group {
  name: string;
  summary: string;
  load(): Promise<{ define(program: Command): void }>;
}

const GROUPS: Group[] = [
  { name: 'serve', summary: 'run the service', load: () => import('./cli/serve.ts') },
  { name: 'migrate', summary: 'bring the database up to date', load: () => import('./cli/migrate.ts') },
  { name: 'env', summary: 'print the settings in force', load: () => import('./cli/env.ts') },
  {
    name: 'zone',
    summary: 'import, add, change, show and export zones',
    load: () => import('./cli/zone.ts'),
  },
  { name: 'record', summary: 'add, change and list records', load: () => import('./cli/record.ts') },
  { name: 'alias', summary: 'why an ALIAS publishes what it does', load: () => import('./cli/alias.ts') },
  { name: 'key', summary: 'TSIG keys', load: () => import('./cli/key.ts') },
  { name: 'token', summary: 'tokens of the HTTP API', load: () => import('./cli/token.ts') },
  {
    name: 'secondary',
    summary: 'register secondaries, print their configuration',
    load: () => import('./cli/secondary.ts'),
  },
  { name: 'resync', summary: 'look at ALIAS targets now', load: () => import('./cli/resync.ts') },
  { name: 'notify', summary: 'send NOTIFY again', load: () => import('./cli/notify.ts') },
  { name: 'status', summary: 'the state of everything on one screen', load: () => import('./cli/status.ts') },
  {
    name: 'doctor',
    summary: 'look at database, queue, resolvers, ports and clock',
    load: () => import('./cli/doctor.ts'),
  },
  { name: 'jobs', summary: 'list the jobs of the queue', load: () => import('./cli/jobs.ts') },
  { name: 'job', summary: 'show or retry one job', load: () => import('./cli/job.ts') },
];

// A reader that has enough, such as `head`, is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

process.exitCode = await run(process.argv.slice(2));

/** Runs one command. Returns the exit status: 0 done, 1 failed, 2 wrong usage. */
async function run(words: string[]): Promise<number> {
  try {
    const program = await programFor(words);
    await program.parseAsync(words, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const { failureOf } = await import('./cli/failure.ts');
    const { message, exitCode } = failureOf(error);
    process.stderr.write(`error: ${message}\n`);
    return exitCode;
  }
}

async function programFor(words: readonly string[]): Promise<Command> {
  const program = new Command('zoneferry')
    .description('Secondary DNS with ALIAS: from PostgreSQL to your secondaries by AXFR and IXFR.')
    .version(VERSION)
    .configureHelp({ showGlobalOptions: false })
    // failures are one line, printed above
    .configureOutput({ writeErr: () => {}, outputError: () => {} })
    .exitOverride()
    .addHelpText(
      'after',
      '\nExample:\n  $ zoneferry zone import example.com.zone\n  $ zoneferry secondary add ns1 --address 192.0.2.53\n  $ zoneferry serve',
    );
  const operands = words.filter((word) => !word.startsWith('-'));
  const wanted = operands[0] === 'help' ? operands[1] : operands[0];
  for (const group of GROUPS) {
    if (program.commands.some((command) => command.name() === group.name)) continue;
    if (group.name === wanted) (await group.load()).define(program);
    else program.command(group.name).description(group.summary);
  }
  return inOrder(program);
}

/** The order of `GROUPS`, whichever was defined first. */
function inOrder(program: Command): Command {
  const names = GROUPS.map((group) => group.name);
  (program.commands as Command[]).sort((a, b) => names.indexOf(a.name()) - names.indexOf(b.name()));
  return program;
}
