import pg from 'pg';

export type Pool = pg.Pool;
export type Client = pg.PoolClient;

export interface PoolOptions {
  /** Connections at most. */
  max?: number;
  /** Shown in pg_stat_activity. */
  applicationName?: string;
  /** Called for errors of idle connections, which would otherwise end the process. */
  onError?: (error: Error) => void;
  /** On whose behalf edits are made, as the journal keeps it: `cli:root`. */
  actor?: string;
  /** Commits don't wait for the disk: a crash of PostgreSQL takes those of the last moments. */
  mayLoseLatest?: boolean;
}

/**
 * A pool of the service's own connections. They carry `zoneferry.service = on`, which the guards of the service's tables ask for.
 * `bigint` columns arrive as strings.
 */
export function createPool(url: string, options: PoolOptions = {}): Pool {
  const settings = connectionSettings(url, options.applicationName);
  const more = [
    ...(options.mayLoseLatest ? ['-c synchronous_commit=off'] : []),
    ...(options.actor ? [`-c zoneferry.actor=${options.actor.replace(/[\\\s]/g, '\\$&')}`] : []),
  ];
  const pool = new pg.Pool({
    ...settings,
    options: [settings.options, ...more].join(' '),
    max: options.max ?? 10,
    idleTimeoutMillis: 30_000,
  });
  pool.on('error', (error) => options.onError?.(error));
  // the driver tells of a connection lost in the middle of a transaction as an event, too, and one that nobody listens to ends the
  // process; the query that is under way, or the next one, fails with the same error
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/** What every client of ours connects with. Waits are bounded: 10 s to connect, 5 min for a statement. */
export function connectionSettings(url: string, applicationName = 'zoneferry'): pg.ClientConfig {
  const { connectionString, options } = splitOptions(url);
  return {
    connectionString,
    application_name: applicationName,
    options:
      // what a database or a role may have set otherwise, and this code counts on, stands behind
      `${options} -c zoneferry.service=on -c statement_timeout=300000 -c idle_in_transaction_session_timeout=300000 -c lock_timeout=0 -c datestyle=ISO -c default_transaction_isolation=read\\ committed -c default_transaction_read_only=off -c default_transaction_deferrable=off`.trim(),
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  };
}

/** The driver lets `options` in the URL win over ours, so they are taken out of it and ours put behind them. */
function splitOptions(url: string): { connectionString: string; options: string } {
  if (!URL.canParse(url)) return { connectionString: url, options: '' };
  const parsed = new URL(url);
  const options = parsed.searchParams.get('options') ?? '';
  parsed.searchParams.delete('options');
  return { connectionString: parsed.href, options };
}
