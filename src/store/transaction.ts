import type { Client, Pool } from './pool.ts';

const RETRIED = new Set(['40001', '40P01']); // serialization_failure, deadlock_detected
const TRIES = 20;

/**
 * Runs `work` in one repeatable-read transaction: all its reads see one snapshot. A serialisation failure or deadlock rolls back and
 * runs it again, so `work` must have no effect beyond its client.
 */
export async function inTransaction<T>(pool: Pool, work: (client: Client) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const client = await pool.connect();
    let broken: Error | undefined;
    try {
      await client.query('begin isolation level repeatable read');
      const result = await work(client);
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback').catch((failure: Error) => {
        broken = failure;
      });
      if (attempt < TRIES && RETRIED.has(String((error as { code?: string }).code))) continue;
      throw error;
    } finally {
      client.release(broken);
    }
  }
}
