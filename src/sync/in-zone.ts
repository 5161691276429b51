import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { recheckDenied } from '../store/in-zone/recheck.ts';
import type { Pool } from '../store/pool.ts';
import { type GuardPolicy, guardSentence } from '../zone/guard.ts';

const EVERY = 1_000; // ms
const SAID_FOR = 60_000; // ms until it is said again that a guard holds

/** Ends the holds of names of ours without addresses when their time has come, where guards let them. Returns how to stop it. */
export function startRechecks(pool: Pool, guards: GuardPolicy, clock: Clock, log: Log): () => Promise<void> {
  let running: Promise<void> | undefined;
  let failing = false;
  let saidAt = Number.NEGATIVE_INFINITY;
  const run = async () => {
    try {
      const held = await recheckDenied(pool, clock.now(), guards);
      if (held && performance.now() - saidAt > SAID_FOR) {
        saidAt = performance.now();
        log.error({ ...held }, `${guardSentence(held)}; what is published stays`);
      }
      failing = false;
    } catch (error) {
      if (!failing)
        log.warn(
          { error: messageOf(error) },
          'aliases of our own names that have lost their addresses can not be judged now: what is published stays, tried again each second',
        );
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
