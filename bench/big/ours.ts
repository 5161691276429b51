import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { removeEmbedded, startEmbedded } from '../../src/embedded/index.ts';
import { migrate } from '../../src/store/migrate.ts';
import { createPool } from '../../src/store/pool.ts';
import { freePort } from '../../test/support/secondaries/ports.ts';
import { ServerProcess } from '../../test/support/secondaries/server-process.ts';
import { environmentOf } from '../../test/support/service.ts';
import { until } from '../../test/support/until.ts';
import { insertZones, type SmallZones } from '../small/zones.ts';
import { KEY } from './measure.ts';
import { type Running, serves } from './peers.ts';
import { BIG, insertBig } from './zone.ts';

const BIN = fileURLToPath(new URL('../../bin/zoneferry.js', import.meta.url));

/** A PostgreSQL of our own with everything published, and the service on it: all roles in one process. */
export interface Ours {
  start(): Promise<Running>;
  /** Publishes one more record of the large zone, by the service that runs. Gives the serial then. */
  change(): Promise<number>;
  close(): Promise<void>;
}

export async function prepareOurs(records: number, small: SmallZones, folder: string): Promise<Ours> {
  const own = join(folder, 'ours');
  await mkdir(own, { recursive: true });
  await chmod(own, 0o711);
  const database = await startEmbedded(own);
  const pool = new pg.Pool({ connectionString: database.url, max: 2 });
  let changes = 0;

  const start = async (zone?: string): Promise<Running & { server: ServerProcess }> => {
    const port = await freePort();
    const begun = performance.now();
    const server = new ServerProcess(process.execPath, [...process.execArgv, BIN, 'serve'], {
      folder: own,
      environment: environmentOf({
        DATABASE_URL: database.url,
        DNS_LISTEN: `127.0.0.1:${port}`,
        HTTP_LISTEN: `127.0.0.1:${await freePort()}`,
        LOG_LEVEL: 'warn',
        RESOLVERS: '127.0.0.1:9',
      }),
    });
    if (zone !== undefined) await server.until(() => serves(port, [[zone, '']]), 60_000);
    const loaded = (performance.now() - begun) / 1000;
    const pid = server.pid ?? 0;
    return { name: 'Zoneferry', port, pid, loaded, server, stop: () => server.stop(30_000) };
  };

  const service = createPool(database.url);
  await migrate(service);
  await service.end();
  const first = await start();
  await until('the tables', async () => (await pool.query('select from zones')).rowCount === 0, {
    deadlineMs: 60_000,
  });
  await pool.query(`insert into tsig_keys (name, algorithm, secret) values ('bench', 'hmac-sha256', $1)`, [
    KEY.secret.toString('base64'),
  ]);
  await pool.query(
    `insert into secondaries (name, addresses, transfer_from, keys, notify)
     values ('plain', '{127.0.0.1}', '{127.0.0.0/8}', '{}', false), ('signed', '{127.0.0.1}', '{127.0.0.0/8}', '{bench}', false)`,
  );
  await insertZones(small, pool);
  await insertBig(records - 1, pool);
  const isPublished = async () => {
    await sleep(250);
    const { rows } = await pool.query(
      'select count(*)::integer as left from zones where published_serial is null',
    );
    return rows[0].left === 0;
  };
  await first.server.until(isPublished, 900_000);
  await first.stop();
  await pool.query('vacuum analyze');

  const serialOf = async () =>
    Number(
      (await pool.query('select published_serial from zones where name = $1', [BIG])).rows[0]
        ?.published_serial,
    );
  return {
    start: () => start(BIG),
    change: async () => {
      const before = await serialOf();
      await pool.query(
        `insert into records (zone_id, name, type, content, ttl)
         select id, $2 || '.' || name, 'A', '198.18.0.1', 300 from zones where name = $1`,
        [BIG, `change${process.pid}x${changes++}`],
      );
      await until('the change', async () => (await serialOf()) !== before, { deadlineMs: 30_000 });
      return await serialOf();
    },
    close: async () => {
      await pool.end();
      await database.leave();
      await removeEmbedded(own);
    },
  };
}
