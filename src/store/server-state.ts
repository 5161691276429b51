import type { Pool } from './pool.ts';

/** What PostgreSQL says of itself. */
export interface ServerState {
  /** Major. */
  version: number;
  isStandby: boolean;
  connections: number;
  maxConnections: number;
  fsync: string;
  fullPageWrites: string;
  /** Seconds that its clock is ahead of the one handed in, half of the round trip taken off. */
  apartSeconds: number;
}

/** `now`: milliseconds since the epoch. */
export async function readServerState(pool: Pool, now: () => number): Promise<ServerState> {
  const before = now();
  const { rows } = await pool.query(
    `select current_setting('server_version_num')::integer / 10000 as version, pg_is_in_recovery() as standby,
       (select count(*) from pg_stat_activity where backend_type = 'client backend') as connections,
       current_setting('max_connections')::integer as most, current_setting('fsync') as fsync,
       current_setting('full_page_writes') as pages, extract(epoch from clock_timestamp()) * 1000 as clock`,
  );
  const middle = (before + now()) / 2;
  const [row] = rows;
  return {
    version: row.version,
    isStandby: row.standby,
    connections: Number(row.connections),
    maxConnections: row.most,
    fsync: row.fsync,
    fullPageWrites: row.pages,
    apartSeconds: (Number(row.clock) - middle) / 1000,
  };
}
