import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Pool } from '../store/pool.ts';
import {
  HEARTBEAT_EVERY_MS,
  type QueuePlace,
  registerProcess,
  unregisterProcess,
} from '../store/processes.ts';

/** Keeps this process in the list of those at work, until the returned function is called. */
export async function showPresence(
  pool: Pool,
  roles: readonly string[],
  queue: QueuePlace,
  log: Log,
): Promise<() => Promise<void>> {
  const id = `${hostname()}/${process.pid}/${randomBytes(4).toString('hex')}`;
  await registerProcess(pool, { id, roles, queue });
  let beating: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    beating = registerProcess(pool, { id, roles, queue }).catch((error) =>
      log.debug({ error: messageOf(error) }, 'the heartbeat was not written; the next one follows'),
    );
  }, HEARTBEAT_EVERY_MS).unref();
  return async () => {
    clearInterval(timer);
    await beating;
    await unregisterProcess(pool, id).catch(() => {});
  };
}
