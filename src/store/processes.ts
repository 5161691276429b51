import { createHash } from 'node:crypto';
import type { Pool } from './pool.ts';

/** How often a process has to renew its row, and after how long without it counts as gone. */
export const HEARTBEAT_EVERY_MS = 5_000;
export const GONE_AFTER_MS = 15_000;
const FORGOTTEN_AFTER = '1 hour';

/** Where a queue is: two processes with the same kind and hash work on the same one. */
export interface QueuePlace {
  kind: 'postgresql' | 'redis';
  /** Of host, port and database of the Redis; credentials are no part of it. Empty for PostgreSQL, which is this database. */
  hash: string;
}

/** A process of the service. */
export interface ServiceProcess {
  /** `host/process number/random part` */
  id: string;
  roles: string[];
  queue: QueuePlace;
  startedAt: Date;
  seenAt: Date;
  alive: boolean;
}

/** The place of the queue that these settings name. */
export function queuePlace(redisUrl: string | undefined): QueuePlace {
  if (redisUrl === undefined) return { kind: 'postgresql', hash: '' };
  const { hostname, port, pathname } = new URL(redisUrl);
  const host = hostname === 'localhost' || hostname === '[::1]' ? '127.0.0.1' : hostname;
  const database = pathname.replace(/^\//, '') || '0';
  const hash = createHash('sha256')
    .update(`${host}:${port || '6379'}/${database}`)
    .digest('hex');
  return { kind: 'redis', hash: hash.slice(0, 16) };
}

/** Tells the others that this process is at work. Call again every `HEARTBEAT_EVERY_MS`: that is the heartbeat. */
export async function registerProcess(
  pool: Pool,
  process: { id: string; roles: readonly string[]; queue: QueuePlace },
): Promise<void> {
  await pool.query({
    name: 'register process',
    text: `insert into service_processes (id, roles, queue_kind, queue_hash) values ($1, $2::text[], $3, $4)
      on conflict (id) do update set roles = excluded.roles, queue_kind = excluded.queue_kind, queue_hash = excluded.queue_hash,
        seen_at = clock_timestamp()`,
    values: [process.id, process.roles, process.queue.kind, process.queue.hash],
  });
}

/** Takes the row of a process that stops. */
export async function unregisterProcess(pool: Pool, id: string): Promise<void> {
  await pool.query('delete from service_processes where id = $1', [id]);
}

/** Takes the rows of processes long gone, which were killed. */
export async function forgetProcesses(pool: Pool): Promise<void> {
  await pool.query(`delete from service_processes where seen_at < now() - interval '${FORGOTTEN_AFTER}'`);
}

/** Every process with a row, the oldest first. */
export async function listProcesses(pool: Pool): Promise<ServiceProcess[]> {
  const { rows } = await pool.query(
    `select id, roles, queue_kind, queue_hash, started_at, seen_at,
       seen_at > clock_timestamp() - make_interval(secs => $1) as alive
     from service_processes order by started_at, id`,
    [GONE_AFTER_MS / 1000],
  );
  return rows.map((row) => ({
    id: row.id,
    roles: row.roles,
    queue: { kind: row.queue_kind, hash: row.queue_hash },
    startedAt: row.started_at,
    seenAt: row.seen_at,
    alive: row.alive,
  }));
}
