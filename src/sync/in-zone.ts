import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { recheckDenied } from '../store/in-zone/recheck.ts';
import type { Pool } from '../store/pool.ts';

const EVERY = 1_000; // ms

/** Ends the holds of names of ours without addresses when their time has come. Returns how to stop it. */
export function startRechecks(pool: Pool, log: Log): () => Promise<void> {
  let running: Promise<void> | undefined;
  let failing = false;
  const run = async () => {
    try {
      await recheckDenied(pool);
      failing = false;
    } catch (error) {
      if (!failing) log.warn({ error: messageOf(error) }, 'names without addresses can not be looked at now');
      failing = true;
    }
  };
  const timer = setInterval(() => {
    running ??= run().finally(() => {
      running = undefined;
    });
  }, EVERY).unref();
  return async () => {
    clearInterval(timer);
    await running;
  };
}
