import { fork } from 'node:child_process';
import type { Command } from 'commander';
import { type Setting, settings } from '../config/settings.ts';
import { type Config, loadConfig, settingsInForce } from '../config.ts';
import { UserError } from '../errors.ts';
import { hideCredentials } from '../log.ts';
import { usual } from './arguments.ts';
import { print, printJson } from './output.ts';

const TABLE: Setting<unknown>[] = Object.values(settings);

export function define(program: Command): void {
  const command = program
    .command('env')
    .description('print the settings in force; secrets only where one is asked for by its name')
    .argument('[setting]', 'one setting, such as DATABASE_URL')
    .addHelpText(
      'after',
      '\nDATABASE_URL of the embedded PostgreSQL: where it does not run, it is started, and runs until 10 s have passed without a client, or\nuntil the last client has left. While `serve` runs, its server is the one.',
    )
    .action(run);
  usual(command, 'zoneferry env', 'psql "$(zoneferry env DATABASE_URL)"');
}

async function run(name: string | undefined, options: { json?: boolean }): Promise<void> {
  const config = loadConfig(process.env, process.cwd());
  if (name === undefined) await printAll(config, options.json ?? false);
  else await printOne(config, name.toUpperCase(), options.json ?? false);
}

async function printAll(config: Config, json: boolean): Promise<void> {
  const values: Record<string, string> = { ...settingsInForce(config) };
  for (const { name, secret } of TABLE) {
    const value = values[name];
    if (secret && value !== undefined) values[name] = /:\/\//.test(value) ? hideCredentials(value) : '***';
  }
  if (config.databaseUrl === undefined) {
    const { findEmbedded } = await import('../embedded/index.ts');
    const url = await findEmbedded(config.directory);
    if (url !== undefined) values.DATABASE_URL = hideCredentials(url);
  }
  if (json) {
    printJson(Object.fromEntries(TABLE.map(({ name }) => [name, values[name] ?? null])));
    return;
  }
  for (const setting of TABLE) {
    const value = values[setting.name];
    print(value === undefined ? `# ${setting.name} is unset: ${setting.unset}` : `${setting.name}=${value}`);
  }
}

async function printOne(config: Config, name: string, json: boolean): Promise<void> {
  const setting = TABLE.find((known) => known.name === name);
  if (!setting) throw new UserError(`no setting ${name}: zoneferry env lists them`, 2);
  const value =
    name === 'DATABASE_URL' && config.databaseUrl === undefined
      ? await embeddedUrl(config.directory)
      : settingsInForce(config)[name];
  if (value === undefined) throw new UserError(`${name} is unset: ${setting.unset}`);
  if (json) printJson({ [name]: value });
  else print(value);
}

/**
 * The folder's own server: the running one, else one that a process in the background starts and keeps for whoever connects next. The
 * last to leave stops the server, and this command leaves before its reader connects.
 */
async function embeddedUrl(directory: string): Promise<string> {
  const { findEmbedded } = await import('../embedded/index.ts');
  return (await findEmbedded(directory)) ?? (await startKeeper(directory));
}

function startKeeper(directory: string): Promise<string> {
  const suffix = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const keeper = fork(new URL(`./keep-database.${suffix}`, import.meta.url), [directory], {
    detached: true,
    // none of our own: a shell's $(…) waits until everybody has closed its end
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    keeper.once('message', (message: { url?: string; error?: string }) => {
      keeper.disconnect();
      keeper.unref();
      if (message.url !== undefined) resolve(message.url);
      else reject(new UserError(message.error ?? 'the embedded PostgreSQL does not start'));
    });
    keeper.once('error', reject);
    keeper.once('exit', () => reject(new UserError('the embedded PostgreSQL does not start')));
  });
}
