import type { Command } from 'commander';
import { usual } from './arguments.ts';
import { print, printJson } from './output.ts';

export function define(program: Command): void {
  const command = program
    .command('migrate')
    .description('bring the database up to date; `serve` and every other command do it too')
    .action(run);
  usual(command, 'zoneferry migrate');
}

async function run(options: { json?: boolean }): Promise<void> {
  const { loadConfig } = await import('../config.ts');
  const { openDatabase } = await import('./database.ts');
  const { migrate } = await import('../store/migrate.ts');
  const { createPool } = await import('../store/pool.ts');
  const { url, leave } = await openDatabase(loadConfig(process.env, process.cwd()));
  const pool = createPool(url, { max: 1, applicationName: 'zoneferry command' });
  try {
    const applied = await migrate(pool);
    if (options.json) printJson({ applied });
    else if (applied.length === 0) print('nothing to do: the database is up to date');
    else print(`applied ${applied.join(', ')}`);
  } finally {
    await pool.end();
    await leave();
  }
}
