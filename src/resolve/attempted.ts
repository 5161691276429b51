import type { Chased } from './chase.ts';
import type { Failed, FailureReason } from './outcome.ts';
import type { Upstream } from './upstream.ts';

/** What was tried at one upstream, and what came of it. */
export interface Attempted {
  upstream: Upstream;
  chased: Chased;
}

/** Whether an upstream showed that it can't be asked, rather than that the target has trouble. */
export function saysNothing({ outcome }: Chased): boolean {
  return outcome.kind === 'failed' && USELESS.has(outcome.reason);
}

const USELESS: ReadonlySet<FailureReason> = new Set(['timeout', 'unreachable', 'refused']);

/** Of several failures the one that says most about the target, with what the others were. */
export function mostTelling(failures: readonly Attempted[]): Attempted {
  const reasonOf = ({ chased }: Attempted) => (chased.outcome as Failed).reason;
  const best = failures.reduce((a, b) =>
    TELLING.indexOf(reasonOf(b)) < TELLING.indexOf(reasonOf(a)) ? b : a,
  );
  const outcome = best.chased.outcome as Failed;
  const lines = new Set(
    failures.map(({ upstream, chased }) => `${upstream.text} ${(chased.outcome as Failed).detail}`),
  );
  const detail = [...lines].join('; ').slice(0, LONGEST_DETAIL);
  return { ...best, chased: { ...best.chased, outcome: { ...outcome, detail } } };
}

const TELLING: readonly FailureReason[] = [
  'bogus',
  'loop',
  'chain',
  'servfail',
  'refused',
  'malformed',
  'timeout',
  'unreachable',
];
const LONGEST_DETAIL = 400;
