import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '../errors.ts';

/** A step of the demo that did not happen: which one, what was expected, what was seen instead. */
export class StepFailed extends Error {
  constructor(step: string, expected: string, seen: string) {
    super(`${step}: expected ${expected}; ${seen}`);
    this.name = 'StepFailed';
  }
}

export interface Wait<T> {
  /** The step's name, as the failure calls it. */
  step: string;
  expected: string;
  /** Looks once: what was waited for, or in words what there is instead. */
  look: () => Promise<{ found: T } | { seen: string }>;
  deadlineMs: number;
  everyMs?: number;
  signal: AbortSignal;
}

/**
 * Looks again and again until it finds what it waits for.
 *
 * @throws StepFailed after the deadline; the signal's reason where that comes first
 */
export async function waitFor<T>(wait: Wait<T>): Promise<T> {
  const { step, expected, look, deadlineMs, everyMs = 10, signal } = wait;
  const deadline = performance.now() + deadlineMs;
  let seen = 'nothing was seen';
  for (;;) {
    signal.throwIfAborted();
    try {
      const result = await look();
      if ('found' in result) return result.found;
      seen = result.seen;
    } catch (error) {
      if (error instanceof StepFailed) throw error;
      seen = messageOf(error);
    }
    signal.throwIfAborted();
    if (performance.now() > deadline) {
      throw new StepFailed(step, `${expected} within ${deadlineMs / 1000} s`, `last seen: ${seen}`);
    }
    await pause(everyMs);
  }
}
