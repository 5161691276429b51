import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import type { TsigKey } from '../dns/tsig.ts';
import { TYPE } from '../dns/types.ts';
import type { Endpoint } from '../endpoint.ts';
import { UserError } from '../errors.ts';
import { Questioner } from './ask.ts';
import { findProgram, OwnProcess } from './process.ts';
import { TinySecondary } from './secondary.ts';
import { StepFailed, waitFor } from './wait.ts';

/** The real servers that the demo can run, in the order in which it looks for them. */
export const SERVERS = ['nsd', 'knot', 'bind'] as const;
export type ServerKind = (typeof SERVERS)[number];
export type SecondaryKind = ServerKind | 'own';

/** The secondary of the demo, running. */
export interface DemoSecondary {
  /** What it is called in sentences. */
  title: string;
  /** Whether it ended by itself. */
  ended(): boolean;
  log(): string;
  stop(): Promise<void>;
}

/** Which secondaries to try, first to last. `wanted` is the setting DEMO_SECONDARY. */
export function choices(wanted: string | undefined): SecondaryKind[] {
  if (wanted === undefined || wanted === '') {
    return [...SERVERS.filter((kind) => findProgram(PROGRAM[kind]) !== undefined), 'own'];
  }
  const kind = [...SERVERS, 'own' as const].find((known) => known === wanted);
  if (kind === undefined) {
    throw new UserError(`DEMO_SECONDARY: got "${wanted}", takes ${SERVERS.join(', ')} or own`);
  }
  if (kind !== 'own' && findProgram(PROGRAM[kind]) === undefined) {
    throw new UserError(
      `DEMO_SECONDARY: got "${wanted}", but ${PROGRAM[kind]} is not installed: leave it out, or take own`,
    );
  }
  return [kind];
}

export const TITLE: Record<SecondaryKind, string> = {
  nsd: 'NSD',
  knot: 'Knot DNS',
  bind: 'BIND',
  own: 'the small secondary',
};

/**
 * Starts a real server with the configuration that `zoneferry secondary config` printed, in a folder of its own.
 * Returns when it answers questions.
 */
export async function startServer(
  kind: ServerKind,
  options: { folder: string; listen: Endpoint; config: string; signal: AbortSignal },
): Promise<DemoSecondary> {
  const folder = join(options.folder, kind);
  await mkdir(folder);
  await writeFile(join(folder, 'zoneferry.conf'), options.config, { mode: 0o600 });
  const file = join(folder, `${PROGRAM[kind]}.conf`);
  await writeFile(file, around[kind](folder, options.listen));
  const server = new OwnProcess(findProgram(PROGRAM[kind]) ?? PROGRAM[kind], flags[kind](file), folder);
  try {
    await untilItAnswers(server, options.listen, options.signal);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return {
    title: TITLE[kind],
    ended: () => server.ended,
    log: () => server.log(),
    stop: () => server.stop(),
  };
}

/** Starts the project's own. */
export async function startOwn(options: {
  zone: string;
  primary: Endpoint;
  key: TsigKey;
  listen: Endpoint;
  clock: Clock;
}): Promise<DemoSecondary> {
  const secondary = new TinySecondary(options);
  await secondary.start();
  return {
    title: TITLE.own,
    ended: () => false,
    log: () => secondary.log(),
    stop: () => secondary.stop(),
  };
}

const PROGRAM: Record<ServerKind, string> = { nsd: 'nsd', knot: 'knotd', bind: 'named' };

const flags: Record<ServerKind, (file: string) => string[]> = {
  nsd: (file) => ['-d', '-c', file],
  knot: (file) => ['-c', file],
  bind: (file) => ['-g', '-n', '1', '-c', file],
};

/** What stands around the printed configuration: where this one instance listens and keeps its files. */
const around: Record<ServerKind, (folder: string, listen: Endpoint) => string> = {
  nsd: (folder, { ip, port }) => `server:
    ip-address: ${ip}@${port}
    port: ${port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "${folder}"
    database: ""
    xfrdir: "${folder}"
    xfrdfile: "${folder}/xfrd.state"
    zonelistfile: "${folder}/zone.list"
    cookie-secret-file: "${folder}/cookies"
    pidfile: ""
remote-control:
    control-enable: no
include: "${folder}/zoneferry.conf"
`,
  knot: (folder, { ip, port }) => `server:
    rundir: "${folder}"
    listen: ${ip}@${port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
control:
    listen: "${folder}/control"
database:
    storage: "${folder}/database"
log:
  - target: stderr
    any: info
template:
  - id: default
    storage: "${folder}"
include: "${folder}/zoneferry.conf"
`,
  bind: (folder, { ip, port }) => `options {
    directory "${folder}";
    listen-on port ${port} { ${ip}; };
    listen-on-v6 { none; };
    pid-file none;
    lock-file none;
    session-keyfile "session.key";
    recursion no;
    dnssec-validation no;
};
controls { };
include "${folder}/zoneferry.conf";
`,
};

const START_DEADLINE = 6_000; // ms

async function untilItAnswers(server: OwnProcess, listen: Endpoint, signal: AbortSignal): Promise<void> {
  const [step, expected] = ['start of the secondary', 'it to answer questions'];
  const questioner = await Questioner.of(listen);
  try {
    await waitFor({
      step,
      expected,
      deadlineMs: START_DEADLINE,
      everyMs: 25,
      signal,
      look: async () => {
        if (server.ended) throw new StepFailed(step, expected, `it ended: ${lastLine(server.log())}`);
        const reply = await questioner.ask('ready.invalid.', TYPE.SOA, 200);
        return reply === undefined ? { seen: 'no answer' } : { found: true };
      },
    });
  } finally {
    questioner.close();
  }
}

function lastLine(text: string): string {
  return text.slice(text.lastIndexOf('\n') + 1).trim() || 'it said nothing';
}
