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

/** How many milliseconds from now answers run out, of several targets the first and the last. */
export interface Delays {
  shortest: number;
  longest: number;
}

/** Whether targets may be looked at together when the last of their answers has run out: none a tenth later than by itself. */
export function mayGoTogether({ shortest, longest }: Delays): boolean {
  return longest <= latest(shortest);
}

/** When to look again at targets that may go together: as late as `spread` has each of them, at most. */
export function spreadTogether(
  { shortest, longest }: Delays,
  now: number,
  policy: AliasPolicy,
  draw: number,
): number {
  if (longest >= policy.refreshMax) return spread(now + longest, now, policy, draw);
  const last = Math.min(latest(shortest), policy.refreshMax);
  return now + longest + Math.max(0, last - longest) * draw;
}

function latest(delay: number): number {
  return delay <= SHORT ? delay : delay * (1 + SPREAD);
}
