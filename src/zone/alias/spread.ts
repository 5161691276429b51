import type { AliasPolicy } from './policy.ts';

/** The share of a delay by which looks are spread. */
const SPREAD = 0.1;
/** Milliseconds up to which a delay stays as it is: a target of one second has to be due at each tick of a second. */
const SHORT = 2_000;

/**
 * When to look again, drawn apart, so that targets that came together don't stay together: up to a tenth later, as an earlier look would
 * find the end of the same answer in the resolver's cache; where REFRESH_MAX rules, up to a tenth earlier.
 *
 * @param dueAt and `now` in milliseconds since the epoch
 * @param draw a number from 0 to 1
 */
export function spread(dueAt: number, now: number, policy: AliasPolicy, draw: number): number {
  const delay = dueAt - now;
  if (delay <= SHORT) return dueAt;
  const apart = delay * SPREAD * draw;
  return delay >= policy.refreshMax ? dueAt - apart : Math.min(dueAt + apart, now + policy.refreshMax);
}
