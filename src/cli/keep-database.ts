/** A process of its own, started by `zoneferry env DATABASE_URL`: keeps the embedded server of a folder while somebody uses it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startEmbedded } from '../embedded/index.ts';
import { messageOf } from '../errors.ts';
import { migrate } from '../store/migrate.ts';
import { createPool, type Pool } from '../store/pool.ts';

const FIRST_CLIENT_MS = 10_000;
const EVERY_MS = 500;

await keep(process.argv[2] ?? '.');

async function keep(directory: string): Promise<void> {
  try {
    const { url, leave } = await startEmbedded(directory);
    const pool = createPool(url, { max: 1, applicationName: 'zoneferry keeper' });
    const stop = async () => {
      await pool.end().catch(() => {});
      await leave();
      process.exit(0);
    };
    process.on('SIGTERM', stop).on('SIGINT', stop).on('SIGHUP', stop);
    await migrate(pool);
    process.send?.({ url });
    // a reader that takes its time to connect must find it; from its first connection on, connections count
    for (let waited = 0; waited < FIRST_CLIENT_MS; waited += EVERY_MS) {
      await sleep(EVERY_MS);
      if (await hasClients(pool)) break;
    }
    while (await hasClients(pool)) await sleep(EVERY_MS);
    await stop();
  } catch (error) {
    process.send?.({ error: messageOf(error) });
    process.exit(1);
  }
}

/** Processes of the service join by themselves: only others are looked for. */
async function hasClients(pool: Pool): Promise<boolean> {
  const { rows } = await pool.query<{ used: boolean }>(
    `select exists (select from pg_stat_activity where backend_type = 'client backend' and application_name not like 'zoneferry%'
       and pid <> pg_backend_pid()) as used`,
  );
  return rows[0]?.used ?? false;
}
