import type { Change } from '../trace.ts';
import type { Client, Pool } from './pool.ts';

export const SERIALIZATION_FAILURE = '40001';
const DEADLOCK_DETECTED = '40P01';
const TRIES = 20;

export interface TransactionOptions {
  /** Waited for before it runs again. */
  beforeRetry?: (error: unknown) => Promise<void>;
  /** Milliseconds that a lock is waited for, at most; by default as long as it takes. */
  lockTimeoutMs?: number;
}

/**
 * Runs `work` in one repeatable-read transaction: all its reads see one snapshot. A serialisation failure or deadlock rolls back and
 * runs it again, so `work` must have no effect beyond its client. A client instead of the pool is in such a
 * transaction already.
 */
export async function inTransaction<T>(
  pool: Pool | Client,
  work: (client: Client) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  if ('release' in pool) return work(pool);
  const { lockTimeoutMs = 0 } = options;
  const wait = lockTimeoutMs > 0 ? `; set local lock_timeout = ${Math.ceil(lockTimeoutMs)}` : '';
  const begin = `begin isolation level repeatable read${wait}`;
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(pool, begin, work);
    } catch (error) {
      const { code } = error as { code?: string };
      if (attempt === TRIES || (code !== SERIALIZATION_FAILURE && code !== DEADLOCK_DETECTED)) throw error;
      await options.beforeRetry?.(error);
    }
  }
}

/**
 * Runs `work` between `begin`, which may set something for the transaction, and a commit, once. Whatever fails rolls it back; a
 * connection on which not even that can be done is given up.
 */
export async function once<T>(pool: Pool, begin: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query(begin);
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

/**
 * One transaction whose edits the journal keeps as those of `actor`, such as `api:platform`. `action` says what is done where it is no
 * plain edit; `change` is what it is followed by, else it gets an id of its own.
 */
export function actingAs<T>(
  pool: Pool,
  actor: string,
  work: (client: Client) => Promise<T>,
  action = '',
  change: Change = '',
): Promise<T> {
  return inTransaction(pool, async (client) => {
    await client.query(
      `select set_config('zoneferry.actor', $1, true), set_config('zoneferry.action', $2, true), set_config('zoneferry.change', $3, true)`,
      [actor, action, change],
    );
    return work(client);
  });
}
