import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Hints } from '../store/hints.ts';
import type { Pool } from '../store/pool.ts';
import { claimDueTargets } from '../store/targets.ts';
import type { Looker, LookResult } from './looker.ts';

const CLAIM = 1_000; // targets taken at a time
const LEASE = 15; // seconds until a taken target is due again, should this process die

/** Looks at every target that is due, and hands on each result. Several workers may do so at once: each target is taken by one. */
export async function lookAtDue(
  pool: Pool,
  looker: Looker,
  clock: { now(): number },
  job: string | undefined,
  onResult: (result: LookResult | undefined) => void = () => {},
  signal?: AbortSignal,
): Promise<number> {
  let total = 0;
  for (;;) {
    const targets = await claimDueTargets(pool, CLAIM, LEASE);
    total += targets.length;
    const now = clock.now();
    await Promise.all(
      targets.map((target) => looker.look(target, now, job).then(onResult, () => onResult(undefined))),
    );
    if (targets.length < CLAIM || signal?.aborted) return total;
  }
}

/** New and edited targets are looked at when they come, not at the next tick. The tick is the guarantee behind the hint. */
export function lookOnHint(
  pool: Pool,
  looker: Looker,
  hints: Hints,
  clock: { now(): number },
  log: Log,
): () => Promise<void> {
  let running: Promise<unknown> | undefined;
  let again = false;
  const run = async () => {
    do {
      again = false;
      await lookAtDue(pool, looker, clock, undefined).catch((error) =>
        log.error(
          { error: messageOf(error) },
          'due targets could not be looked at; the next tick tries again',
        ),
      );
    } while (again);
  };
  const off = hints.on('targets', () => {
    again = true;
    running ??= run().finally(() => {
      running = undefined;
    });
  });
  return async () => {
    off();
    again = false;
    await running;
  };
}
