import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { ROLES, startService } from '../app.ts';
import { systemClock } from '../clock.ts';
import { loadConfig } from '../config.ts';
import { absoluteName } from '../dns/name.ts';
import { removeEmbedded, startEmbedded } from '../embedded/index.ts';
import { type Endpoint, formatEndpoint } from '../endpoint.ts';
import { messageOf } from '../errors.ts';
import { createLog, type Log, silentLog } from '../log.ts';
import { Questioner } from './ask.ts';
import { environmentOf, runCommand } from './command.ts';
import { Overheard } from './overheard.ts';
import { freePort } from './ports.ts';
import type { Screen } from './screen.ts';
import { choices, type DemoSecondary, type SecondaryKind, startOwn, startServer, TITLE } from './servers.ts';
import { DemoUpstream } from './upstream.ts';

export const ZONE = 'example.com.';
export const TARGET = 'cdn.example.net.';

/** Everything that a move is watched with. */
export interface Stage {
  upstream: DemoUpstream;
  pool: pg.Pool;
  overheard: Overheard;
  secondary: DemoSecondary;
  /** Where the secondary listens. */
  listen: Endpoint;
  questioner: Questioner;
}

export interface StageOptions {
  screen: Screen;
  signal: AbortSignal;
  /** Called in the reverse order at the end, whatever happened. */
  onStop(what: string, stop: () => unknown): void;
}

const KEY = 'demo-key';
const NAME = 'demo';

/** Sets everything up, and says so line by line. */
export async function setStage({ screen, signal, onStop }: StageOptions): Promise<Stage> {
  const kinds = choices(process.env.DEMO_SECONDARY);
  const folder = await makeFolder(onStop);
  const database = await startDatabase(folder, screen, onStop);
  signal.throwIfAborted();

  const upstream = new DemoUpstream();
  onStop('the upstream', () => upstream.close());
  const resolver = await upstream.start();
  upstream.set(TARGET, addressesOf(0));
  screen.ready('upstream', `a resolver on ${formatEndpoint(resolver)}: ${TARGET} is ${addressesOf(0).A[0]}`);

  const primary: Endpoint = { ip: '127.0.0.1', port: await freePort() };
  const environment = environmentOf({
    DNS_LISTEN: formatEndpoint(primary),
    HTTP_LISTEN: formatEndpoint({ ip: '127.0.0.1', port: await freePort() }),
    RESOLVERS: formatEndpoint(resolver),
    RESYNC_CRON: '* * * * * *',
    REFRESH_MIN: '1',
    ...given('LOG_LEVEL'),
    ...given('LOG_FORMAT'),
  });
  const config = loadConfig(environment, folder);
  const overheard = new Overheard();
  const service = await startService(config, {
    roles: ROLES,
    log: overheard.listenTo(logOf(config)),
    signal,
  });
  onStop('the service', () => service.stop());
  signal.throwIfAborted();
  screen.ready('service', `DNS on ${formatEndpoint(primary)}, looks at what is due every second`);

  // an operator's own connection, with no more rights to the tables than psql has
  const pool = new pg.Pool({ connectionString: database, max: 2, application_name: 'demo' });
  pool.on('error', () => {});
  onStop('the connections', () => pool.end());
  const run = async (words: string) => {
    signal.throwIfAborted();
    screen.command(`zoneferry ${words}`);
    const output = await runCommand(words.split(' '), { folder, environment });
    signal.throwIfAborted();
    return output;
  };

  const listen: Endpoint = { ip: '127.0.0.1', port: await freePort() };
  await run('zone add example.com --primary ns1.example.com --contact hostmaster@example.com');
  await run('record add example.com @ ALIAS cdn.example.net --ttl 60');
  await addHosts(pool, screen);
  await run(`key add ${KEY}`);
  await run(`secondary add ${NAME} --address ${formatEndpoint(listen)} --key ${KEY}`);
  const secret = await secretOf(pool);

  const start = async (kind: SecondaryKind): Promise<DemoSecondary> => {
    if (kind === 'own') {
      const key = { name: absoluteName(KEY), algorithm: 'hmac-sha256' as const, secret };
      return startOwn({ zone: ZONE, primary, key, listen, clock: systemClock });
    }
    const words = `secondary config ${NAME} --for ${kind}`;
    const config = await run(words);
    return startServer(kind, { folder, listen, config, signal });
  };
  const secondary = await startFirst(kinds, start, screen, signal);
  onStop('the secondary', () => secondary.stop());
  screen.ready('secondary', `${secondary.title} on ${formatEndpoint(listen)}`);

  const questioner = await Questioner.of(listen);
  onStop('the questions', () => questioner.close());
  return { upstream, pool, overheard, secondary, listen, questioner };
}

/** What the target has after so many moves. */
export function addressesOf(moves: number): { A: [string]; AAAA: [string]; ttl: number } {
  return { A: [`192.0.2.${10 + moves}`], AAAA: [`2001:db8::${10 + moves}`], ttl: 1 };
}

/** With its real name, and open for passing through: the database of root runs as another user. */
async function makeFolder(onStop: StageOptions['onStop']): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'zoneferry-demo-')));
  onStop('the folder', () => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  await chmod(folder, 0o711);
  return folder;
}

async function startDatabase(
  folder: string,
  screen: Screen,
  onStop: StageOptions['onStop'],
): Promise<string> {
  const begun = performance.now();
  onStop('the database', () => removeEmbedded(folder));
  const { url, leave } = await startEmbedded(folder);
  onStop('the share in the database', leave);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  screen.ready('PostgreSQL', `a private one, made in ${folder} in ${seconds} s, removed at the end`);
  return url;
}

/** The first that runs. One that is installed but does not start here is named, and the next one takes its place. */
async function startFirst(
  kinds: readonly SecondaryKind[],
  start: (kind: SecondaryKind) => Promise<DemoSecondary>,
  screen: Screen,
  signal: AbortSignal,
): Promise<DemoSecondary> {
  for (const [index, kind] of kinds.entries()) {
    try {
      return await start(kind);
    } catch (error) {
      signal.throwIfAborted();
      if (index === kinds.length - 1) throw error;
      screen.ready('', `${TITLE[kind]} is installed but does not start here: ${messageOf(error)}`);
    }
  }
  throw new Error('there is no secondary to start');
}

/** By plain SQL, as an operator's own platform does it. They make an incremental transfer smaller than the zone. */
async function addHosts(pool: pg.Pool, screen: Screen): Promise<void> {
  screen.command(
    'psql "$(zoneferry env DATABASE_URL)" -c "insert into records …"',
    '# 20 hosts, by plain SQL',
  );
  await pool.query(
    `insert into records (zone_id, name, type, content)
     select id, 'host' || n || '.' || name, 'A', '198.51.100.' || n from zones, generate_series(1, 20) as n where name = $1`,
    [ZONE],
  );
}

async function secretOf(pool: pg.Pool): Promise<Buffer> {
  const { rows } = await pool.query<{ secret: string }>('select secret from tsig_keys where name = $1', [
    KEY,
  ]);
  return Buffer.from(rows[0]?.secret ?? '', 'base64');
}

/** Quiet unless the level is asked for; for people unless the form is. */
function logOf({ logLevel, logFormat }: ReturnType<typeof loadConfig>): Log {
  if (!process.env.LOG_LEVEL) return silentLog;
  return createLog({ level: logLevel, format: process.env.LOG_FORMAT ? logFormat : 'pretty' });
}

function given(name: string): Record<string, string> {
  const value = process.env[name];
  return value ? { [name]: value } : {};
}
