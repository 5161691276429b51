import pg from 'pg';
import { messageOf } from '../../errors.ts';
import { connectionSettings, type Pool } from '../pool.ts';
import { isWaitedFor, standbyName } from './names.ts';

/**
 * Whether every commit at the primary waits until this standby shows it. `unknown`: the primary, or the standby itself, doesn't
 * answer, or replication is not running just now.
 */
export type StandbyVerdict =
  | { kind: 'waited-for' }
  | { kind: 'not-waited-for'; reason: string }
  | { kind: 'unknown'; reason: string };

export async function isStandby(pool: Pool): Promise<boolean> {
  const { rows } = await pool.query<{ standby: boolean }>('select pg_is_in_recovery() as standby');
  return rows[0]?.standby === true;
}

/** Asks the standby whom it follows, and that one what its commits wait for, as the same user and in the same database. */
export async function checkStandby(pool: Pool, databaseUrl: string): Promise<StandbyVerdict> {
  try {
    const { rows } = await pool.query<{ host: string | null; port: number | null; conninfo: string | null }>(
      'select sender_host as host, sender_port as port, conninfo from pg_stat_wal_receiver',
    );
    const receiver = rows[0];
    if (receiver === undefined) return { kind: 'unknown', reason: 'its replication is not running' };
    if (receiver.host === null || receiver.port === null || receiver.conninfo === null)
      return no("this user can't see whom it follows: grant pg_read_all_stats to it on the primary");
    const name = standbyName(receiver.conninfo);
    if (name === undefined)
      return no('it has no application_name in primary_conninfo, by which commits could wait for it');
    return await askPrimary(addressed(databaseUrl, receiver.host, receiver.port), name);
  } catch (error) {
    return { kind: 'unknown', reason: messageOf(error) };
  }
}

async function askPrimary(url: string, name: string): Promise<StandbyVerdict> {
  const client = new pg.Client({ ...connectionSettings(url, 'zoneferry standby'), query_timeout: 10_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ commit: string; names: string; standby: boolean; same: number }>(
      `select current_setting('synchronous_commit') as commit, current_setting('synchronous_standby_names') as names,
         pg_is_in_recovery() as standby, (select count(*)::integer from pg_stat_replication where application_name = $1) as same`,
      [name],
    );
    const primary = rows[0];
    if (primary === undefined) return { kind: 'unknown', reason: 'the primary gave no answer' };
    if (primary.standby) return no('it follows another replica, for which alone commits can wait');
    if (primary.commit !== 'remote_apply')
      return no(`the primary has synchronous_commit = ${primary.commit}, expected remote_apply`);
    if (!isWaitedFor(primary.names, name))
      return no(
        `the primary has synchronous_standby_names = '${primary.names}', expected that all it names, and "${name}" among them, have to confirm`,
      );
    if (primary.same > 1) return no(`${primary.same} replicas call themselves "${name}", expected one`);
    return { kind: 'waited-for' };
  } finally {
    await client.end().catch(() => {});
  }
}

function no(reason: string): StandbyVerdict {
  return { kind: 'not-waited-for', reason };
}

/** The same URL at another server; a host that is a path is the folder of a socket. */
function addressed(databaseUrl: string, host: string, port: number): string {
  const url = new URL(databaseUrl);
  url.port = String(port);
  if (host.startsWith('/')) url.searchParams.set('host', host);
  else url.hostname = host.includes(':') ? `[${host}]` : host;
  return url.href;
}
