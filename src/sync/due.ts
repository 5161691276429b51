import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Asker } from '../store/followers.ts';
import type { Hints } from '../store/hints.ts';
import { claimDuePacks, LARGEST_PACK } from '../store/packs.ts';
import type { Pool } from '../store/pool.ts';
import { claimDueTargets } from '../store/targets.ts';
import { newChange, type Tracing } from '../trace.ts';
import type { LookResult } from './look-result.ts';
import type { Looker } from './looker.ts';

const CLAIM = 2_000; // targets taken at a time
const PACKS = CLAIM / LARGEST_PACK;
const LEASE = 60; // seconds until a taken target is due again, should this process die

/**
 * Looks at every target that is due, and hands on each result. Several workers may do so at once: each target is taken by one.
 *
 * @returns how many there were
 */
export async function lookAtDue(
  pool: Pool,
  looker: Looker,
  asker: Asker,
  onResult: (result: LookResult | undefined) => void = () => {},
  signal?: AbortSignal,
): Promise<number> {
  await looker.setBack.look(looker.farthest + LEASE);
  let packed = 0;
  const [alone] = await Promise.all([
    lookAtEach(pool, looker, asker, onResult, signal),
    inFlow(
      PACKS,
      () => claimDuePacks(pool, PACKS, LEASE),
      (pack) => {
        packed += pack.targets.length;
        return looker.lookAtPack(pack, asker, onResult);
      },
      signal,
    ),
  ]);
  return alone + packed;
}

/** Those that are looked at by themselves: new and edited ones, and all that are not at rest. */
function lookAtEach(
  pool: Pool,
  looker: Looker,
  asker: Asker,
  onResult: (result: LookResult | undefined) => void,
  signal?: AbortSignal,
): Promise<number> {
  return inFlow(
    CLAIM,
    () => claimDueTargets(pool, CLAIM, LEASE),
    (target) => looker.lookAtDue(target, asker).then(onResult, () => onResult(undefined)),
    signal,
  );
}

/**
 * Works through pages of so many items, the last one shorter. A page is fetched while the second half of the one before is still under way, so
 * that neither the database nor the resolvers wait for one another, and never more than one and a half are held.
 */
export async function inFlow<T>(
  size: number,
  fetch: () => Promise<readonly T[]>,
  work: (item: T) => Promise<void>,
  signal?: AbortSignal,
): Promise<number> {
  let underWay = 0;
  let total = 0;
  let wake = () => {};
  const below = async (limit: number) => {
    while (underWay > limit) await new Promise<void>((resolve) => (wake = resolve));
  };
  const finished = () => {
    underWay--;
    wake();
  };
  for (;;) {
    const items = await fetch();
    total += items.length;
    underWay += items.length;
    for (const item of items) work(item).finally(finished);
    const isLast = items.length < size || signal?.aborted === true;
    await below(isLast ? 0 : size / 2);
    if (isLast) return total;
  }
}

/** New and edited targets are looked at when they come, not at the next tick. The tick is the guarantee behind the hint. */
export function lookOnHint(
  pool: Pool,
  looker: Looker,
  hints: Hints,
  clock: { now(): number },
  log: Log,
  tracing?: Tracing,
): () => Promise<void> {
  let running: Promise<unknown> | undefined;
  let again = false;
  const run = async () => {
    do {
      again = false;
      const change = newChange();
      const startedAt = clock.now();
      const targets = await lookAtEach(pool, looker, { change }, () => {}).catch((error) =>
        log.error(
          { error: messageOf(error) },
          'due targets could not be looked at; the next tick tries again',
        ),
      );
      if (targets)
        tracing?.record({ name: 'look', startedAt, endedAt: clock.now(), change, values: { targets } });
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
