import { createHash } from 'node:crypto';
import type { Client, Pool } from './pool.ts';

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
  /** None while it starts or stops. */
  roles: string[];
  queue: QueuePlace;
  /** Null: it is from before processes said so. */
  version: string | null;
  /** Steps that the database has and this process doesn't know. */
  unknownSteps: string[];
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
  db: Pool | Client,
  process: Pick<ServiceProcess, 'id' | 'roles' | 'queue' | 'version' | 'unknownSteps'>,
): Promise<void> {
  const { id, roles, queue, version, unknownSteps } = process;
  await db.query({
    name: 'register process',
    text: `insert into service_processes (id, roles, queue_kind, queue_hash, version, unknown_steps)
      values ($1, $2::text[], $3, $4, $5, $6::text[])
      on conflict (id) do update set roles = excluded.roles, queue_kind = excluded.queue_kind, queue_hash = excluded.queue_hash,
        version = excluded.version, unknown_steps = excluded.unknown_steps, seen_at = clock_timestamp()`,
    values: [id, roles, queue.kind, queue.hash, version, unknownSteps],
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

/** Every process with a row, the oldest first; also where the steps that some columns came with are still to be made. */
export async function listProcesses(db: Pool | Client): Promise<ServiceProcess[]> {
  const { rows } = await db.query(
    `select id, roles, queue_kind, queue_hash, started_at, seen_at,
       to_jsonb(process) ->> 'version' as version,
       coalesce(to_jsonb(process) -> 'unknown_steps', '[]') as unknown_steps,
       seen_at > clock_timestamp() - make_interval(secs => $1) as alive
     from service_processes as process order by started_at, id`,
    [GONE_AFTER_MS / 1000],
  );
  return rows.map((row) => ({
    id: row.id,
    roles: row.roles,
    queue: { kind: row.queue_kind, hash: row.queue_hash },
    version: row.version,
    unknownSteps: row.unknown_steps,
    startedAt: row.started_at,
    seenAt: row.seen_at,
    alive: row.alive,
  }));
}

/** How many processes at work are of an older version than the one that migrated the database last. */
export async function countBehind(pool: Pool): Promise<number> {
  const processes = await listProcesses(pool);
  return processes.filter((one) => one.alive && (one.version === null || one.unknownSteps.length > 0)).length;
}
