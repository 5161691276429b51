import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { removeEmbedded, startEmbedded } from '../../src/embedded/index.ts';
import { answers } from '../../test/support/secondaries/dig.ts';
import { freePort } from '../../test/support/secondaries/ports.ts';
import { ServerProcess } from '../../test/support/secondaries/server-process.ts';
import { environmentOf } from '../../test/support/service.ts';
import { until } from '../../test/support/until.ts';
import type { Started } from './peers.ts';
import { insertZones, type SmallZones } from './zones.ts';

const BIN = fileURLToPath(new URL('../../bin/zoneferry.js', import.meta.url));

/** The database with all zones published, for as many starts as are wanted. */
export interface OurDatabase {
  url: string;
  /** The role `transfer` alone in so many processes. */
  start(processes: number): Promise<Started>;
  close(): Promise<void>;
}

export async function ourDatabase(zones: SmallZones, folder: string): Promise<OurDatabase> {
  const own = join(folder, 'ours');
  await mkdir(own, { recursive: true });
  await chmod(own, 0o711);
  const database = await startEmbedded(own);
  const pool = new pg.Pool({ connectionString: database.url, max: 2 });
  // for a look at where the time goes: NODE_FLAGS='--cpu-prof --cpu-prof-dir=/tmp/profiles'
  const flags = (process.env.NODE_FLAGS ?? '').split(' ').filter((flag) => flag !== '');
  const serve = async (port: number, ...args: string[]) => {
    const server = new ServerProcess(process.execPath, [...flags, BIN, 'serve', ...args], {
      folder: own,
      environment: environmentOf({
        DATABASE_URL: database.url,
        DNS_LISTEN: `127.0.0.1:${port}`,
        LOG_LEVEL: 'warn',
        RESOLVERS: '127.0.0.1:9',
      }),
    });
    return server;
  };
  const worker = await serve(await freePort(), '--roles', 'worker', '--json');
  await worker.until(async () => /"ready": ?true/.test(worker.log()), 60_000);
  await pool.query(
    `insert into secondaries (name, addresses, transfer_from, notify) values ('bench', '{127.0.0.1}', '{127.0.0.0/8}', false)`,
  );
  await insertZones(zones, pool);
  await until(
    'the first versions',
    async () => {
      const { rows } = await pool.query(
        'select count(*)::integer as left from zones where published_serial is null',
      );
      return rows[0].left === 0;
    },
    { deadlineMs: 300_000, everyMs: 250, explain: () => worker.log().slice(-2_000) },
  );
  await worker.stop();
  await pool.query('vacuum analyze');
  return {
    url: database.url,
    start: async (processes) => {
      const port = await freePort();
      const server = await serve(port, '--roles', 'transfer', '--processes', String(processes));
      await server.until(() => answers({ address: '127.0.0.1', port }, zones.names[0] ?? ''), 30_000);
      await until('every process', async () => {
        const { rows } = await pool.query(
          'select from transfer_leases where lease_until > now() and confirmed is not null',
        );
        return rows.length === processes;
      });
      await pause(1_000);
      const name = `Zoneferry, ${processes} ${processes === 1 ? 'process' : 'processes'}`;
      return { name, port, pid: server.pid ?? 0, stop: () => server.stop(10_000) };
    },
    close: async () => {
      await pool.end();
      await database.leave();
      await removeEmbedded(own);
    },
  };
}
