import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { settings } from '../../src/config/settings.ts';
import { answers } from './secondaries/dig.ts';
import { freePort } from './secondaries/ports.ts';
import { ServerProcess } from './secondaries/server-process.ts';

export const BIN = fileURLToPath(new URL('../../bin/zoneferry.js', import.meta.url));

export interface ServiceOptions {
  databaseUrl: string;
  /** The recursive resolver of the service; without one, a port where nobody answers. */
  resolver?: { ip: string; port: number };
  /** The port of 127.0.0.1 where it answers DNS, as one that starts again has it; by default a free one. */
  dnsPort?: number;
  /** Settings beside those of a test's service, or instead of them. */
  settings?: Record<string, string>;
}

export interface CommandResult {
  status: number;
  stdout: string;
  stderr: string;
}

/** A running `zoneferry serve`. */
export interface Service {
  /** Where it answers DNS. */
  dns: { ip: string; port: number };
  /** Where it answers HTTP. */
  http: { ip: string; port: number };
  pid: number;
  /** Its working directory: temporary, removed at its stop. */
  folder: string;
  /** What it, and commands beside it, run with. */
  environment: NodeJS.ProcessEnv;
  /** Runs a command beside it, with the same settings. */
  run(...args: string[]): Promise<CommandResult>;
  /** The same, where anything but exit status 0 is an error; gives standard output. */
  cli(...args: string[]): Promise<string>;
  /** What it has logged. */
  log(): string;
  /** SIGTERM; an error when it needs longer than ten seconds. May be called twice. */
  stop(): Promise<void>;
}

/**
 * Starts `zoneferry serve` as a process of its own in a temporary folder, on free ports of 127.0.0.1, looking at targets
 * every second. Returns when it answers DNS and its HTTP port is open.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const folder = await mkdtemp(join(tmpdir(), 'zoneferry-service-'));
  const dns = { ip: '127.0.0.1', port: options.dnsPort ?? (await freePort()) };
  const http = { ip: '127.0.0.1', port: await freePort() };
  const resolver = options.resolver ?? { ip: '127.0.0.1', port: 9 };
  const environment = environmentOf({
    DATABASE_URL: options.databaseUrl,
    DNS_LISTEN: `${dns.ip}:${dns.port}`,
    HTTP_LISTEN: `${http.ip}:${http.port}`,
    RESOLVERS: `${resolver.ip}:${resolver.port}`,
    RESYNC_CRON: '* * * * * *',
    REFRESH_MIN: '0',
    ...options.settings,
  });
  const server = new ServerProcess(process.execPath, [BIN, 'serve'], { folder, environment });
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    const inTime = await server.stop(10_000);
    await rm(folder, { recursive: true, force: true });
    if (!inTime) throw new Error(`zoneferry serve did not end within 10 s of SIGTERM:\n${server.log()}`);
  };
  const service: Service = {
    dns,
    http,
    folder,
    environment,
    pid: server.pid ?? 0,
    run: (...args) => runCommand(args, { folder, environment }),
    cli: async (...args) => {
      const { status, stdout, stderr } = await service.run(...args);
      if (status !== 0) throw new Error(`zoneferry ${args.join(' ')}: exit ${status}: ${stderr.trim()}`);
      return stdout;
    },
    log: () => server.log(),
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
  try {
    await server.until(() => answers({ address: dns.ip, port: dns.port }, 'ready.invalid.'), 60_000);
    // the API opens after it
    await server.until(() => isOpen(http), 60_000);
  } catch (error) {
    await service.stop();
    throw error;
  }
  return service;
}

function isOpen({ ip, port }: { ip: string; port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, ip);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Runs one `zoneferry` command to its end, at most a minute. */
export function runCommand(
  args: string[],
  where: { folder: string; environment: NodeJS.ProcessEnv },
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [BIN, ...args],
      { cwd: where.folder, env: where.environment, timeout: 60_000, maxBuffer: 1 << 28 },
      (error, stdout, stderr) => {
        const status = error ? error.code : 0;
        if (typeof status === 'number') resolve({ status, stdout, stderr });
        else reject(new Error(`zoneferry ${args.join(' ')}: ${error?.message}\n${stderr}`));
      },
    );
  });
}

/** This process's environment with these settings of the service and no others. */
export function environmentOf(given: Record<string, string>): NodeJS.ProcessEnv {
  const environment = { ...process.env };
  for (const { name } of Object.values(settings)) delete environment[name];
  return { ...environment, ...given };
}
