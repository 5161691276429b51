import { readdir } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { type Config, loadConfig } from '../config.ts';
import { startEmbedded } from '../embedded/index.ts';
import { migrate } from '../store/migrate.ts';
import { createPool, type Pool } from '../store/pool.ts';
import { Secrets } from '../store/secrets.ts';

/** What a command works with. */
export interface Session {
  config: Config;
  pool: Pool;
  secrets: Secrets;
  databaseUrl: string;
}

/**
 * Runs the work of a command on the database of the settings, migrated; where DATABASE_URL is unset that is the embedded one of the
 * working directory, joined while the work lasts.
 */
export async function withDatabase<T>(work: (session: Session) => Promise<T>): Promise<T> {
  const config = loadConfig(process.env, process.cwd());
  const opening = openDatabase(config);
  const unhook = leaveOnSignal(async () => (await opening).leave());
  const { url, leave } = await opening;
  const pool = createPool(url, {
    max: 4,
    applicationName: 'zoneferry command',
    actor: commandActor(),
  });
  try {
    await migrateIfNeeded(pool);
    return await work({ config, pool, secrets: new Secrets(config.secretKeys), databaseUrl: url });
  } finally {
    await pool.end();
    await leave();
    unhook();
  }
}

/** The database of the settings; `leave` gives back the share in an embedded one. */
export async function openDatabase(config: Config): Promise<{ url: string; leave(): Promise<void> }> {
  if (config.databaseUrl !== undefined) return { url: config.databaseUrl, leave: async () => {} };
  return startEmbedded(config.directory);
}

/** Who runs the command, for the journal; by number where the system has no name for the user. */
export function commandActor(): string {
  try {
    return `cli:${userInfo().username}`;
  } catch {
    return `cli:user ${process.getuid?.() ?? 'unknown'}`;
  }
}

const STEPS = new URL('../../sql/', import.meta.url);

/** Looks before it asks for the lock: another command may be migrating, and a role without rights on the schema may use a ready one. */
async function migrateIfNeeded(pool: Pool): Promise<void> {
  const steps = (await readdir(STEPS)).filter((name) => /^\d{4}_\w+\.sql$/.test(name));
  const { rows } = await pool
    .query<{ name: string }>('select name from zoneferry_migrations')
    .catch((error: { code?: string }) => {
      if (error.code === '42P01') return { rows: [] };
      // a role that is granted only what it writes can't look, nor could it migrate
      if (error.code === '42501') return { rows: steps.map((name) => ({ name })) };
      throw error;
    });
  const known = new Set(rows.map((row) => row.name));
  if (steps.length !== known.size || !steps.every((name) => known.has(name))) await migrate(pool);
}

/** Ctrl-C must not leave the embedded server behind, not even one that just starts. What is not committed is rolled back. */
function leaveOnSignal(leave: () => Promise<void>): () => void {
  const end = (signal: NodeJS.Signals) => {
    const status = signal === 'SIGINT' ? 130 : 143;
    leave().finally(() => process.exit(status));
  };
  process.on('SIGINT', end).on('SIGTERM', end);
  return () => {
    process.off('SIGINT', end).off('SIGTERM', end);
  };
}
