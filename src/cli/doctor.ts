import type { Command } from 'commander';
import { type Config, loadConfig } from '../config.ts';
import { messageOf } from '../errors.ts';
import { createPool, type Pool } from '../store/pool.ts';
import { queuePlace } from '../store/processes.ts';
import { usual } from './arguments.ts';
import { openDatabase } from './database.ts';
import { checkDatabase } from './doctor/database.ts';
import { checkPorts } from './doctor/ports.ts';
import { checkQueue } from './doctor/queue.ts';
import { checkResolvers } from './doctor/resolvers.ts';
import { checkService } from './doctor/service.ts';
import { failed, printVerdicts, type Verdict } from './doctor/verdict.ts';

/** Where no target is in use yet: a name that any resolver knows. */
const ANY_NAME = 'a.root-servers.net.';

export function define(program: Command): void {
  usual(
    program
      .command('doctor')
      .description(
        'look at database, queue, resolvers, ports, clock and processes, with a verdict each; changes nothing',
      )
      .action(run),
    'zoneferry doctor',
  );
}

async function run(options: { json?: boolean }): Promise<void> {
  const config = loadConfig(process.env, process.cwd());
  const verdicts = await look(config);
  printVerdicts(verdicts, options.json === true);
}

async function look(config: Config): Promise<Verdict[]> {
  const opened = await openDatabase(config).catch((error: unknown) => messageOf(error));
  if (typeof opened === 'string')
    return [failed('database', opened), ...(await lookAround(config, undefined, ANY_NAME))];
  const pool = createPool(opened.url, { max: 2, applicationName: 'zoneferry doctor' });
  try {
    const database = await checkDatabase(pool, opened.url, config.databaseUrl === undefined);
    if (database[0]?.verdict === 'failed')
      return [...database, ...(await lookAround(config, undefined, ANY_NAME))];
    const queue = await checkQueue(opened.url, config.redisUrl);
    return [...database, ...queue, ...(await lookAround(config, pool, await anyTarget(pool)))];
  } finally {
    await pool.end();
    await opened.leave();
  }
}

/** Resolvers, processes and ports. */
async function lookAround(config: Config, pool: Pool | undefined, name: string): Promise<Verdict[]> {
  const resolvers = checkResolvers(config, name);
  const service = pool
    ? await checkService(pool, queuePlace(config.redisUrl)).catch(() => undefined)
    : undefined;
  const here = service?.here ?? [];
  const ports = [
    checkPorts('DNS_LISTEN', config.dnsListen, ['tcp', 'udp'], here.includes('transfer')),
    checkPorts('TLS_LISTEN', config.tls?.listen ?? [], ['tcp'], here.includes('transfer')),
    checkPorts('HTTP_LISTEN', [config.httpListen], ['tcp'], here.includes('api')),
  ];
  return [...(await resolvers), ...(service?.verdicts ?? []), ...(await Promise.all(ports)).flat()];
}

async function anyTarget(pool: Pool): Promise<string> {
  const { rows } = await pool
    .query<{ name: string }>('select name from alias_targets order by name limit 1')
    .catch(() => ({ rows: [] }));
  return rows[0]?.name ?? ANY_NAME;
}
