import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ServerProcess } from '../../test/support/secondaries/server-process.ts';
import { environmentOf } from '../../test/support/service.ts';

const BIN = fileURLToPath(new URL('../../bin/zoneferry.js', import.meta.url));

/** The service with the role `worker` alone, as a process of its own. */
export interface Worker {
  pid: number;
  log(): string;
  /** The most memory that it has had, in megabytes; undefined where the system has no /proc. */
  memory(): number | undefined;
  stop(): Promise<unknown>;
}

export async function startWorker(
  databaseUrl: string,
  resolver: number,
  folder: string,
  settings: Record<string, string> = {},
): Promise<Worker> {
  // for a look at where the time goes: NODE_FLAGS='--cpu-prof --cpu-prof-dir=/tmp/profiles'
  const flags = (process.env.NODE_FLAGS ?? '').split(' ').filter((flag) => flag !== '');
  const server = new ServerProcess(
    process.execPath,
    [...flags, BIN, 'serve', '--roles', 'worker', '--json'],
    {
      folder,
      environment: environmentOf({
        DATABASE_URL: databaseUrl,
        RESOLVERS: `127.0.0.1:${resolver}`,
        LOG_LEVEL: 'warn',
        ...settings,
      }),
    },
  );
  await server.until(async () => /"ready": ?true/.test(server.log()), 60_000);
  const pid = server.pid ?? 0;
  return { pid, log: () => server.log(), memory: () => peakMemory(pid), stop: () => server.stop(20_000) };
}

function peakMemory(pid: number): number | undefined {
  try {
    const kilobytes = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
  } catch {
    return undefined;
  }
}
