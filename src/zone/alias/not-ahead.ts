import type { FamilyState, TargetState } from './state.ts';

/** Clocks of several machines may be so far apart. Milliseconds. */
const APART = 5_000;

/**
 * What is known of a target, as of `now`. Where its last look lies ahead, the clock was set back since: all times move back by as much, so that
 * what waits for a time to pass waits no longer than it would have.
 */
export function notAhead(state: TargetState, now: number): TargetState {
  const ahead = Math.max(state.a.at, state.aaaa.at) - now;
  if (ahead <= APART) return state;
  const back = (time: number) => (time === 0 ? 0 : time - ahead);
  return {
    ...state,
    a: familyBack(state.a, back),
    aaaa: familyBack(state.aaaa, back),
    deniedSince: state.deniedSince && back(state.deniedSince),
    evidence: state.evidence.map((entry) => ({ ...entry, from: back(entry.from), to: back(entry.to) })),
  };
}

function familyBack(family: FamilyState, back: (time: number) => number): FamilyState {
  const { denial, rotation } = family;
  return {
    ...family,
    at: back(family.at),
    goodAt: back(family.goodAt),
    expiresAt: back(family.expiresAt),
    ...(denial && {
      denial: { ...denial, since: back(denial.since), cachedUntil: back(denial.cachedUntil) },
    }),
    ...(rotation && {
      rotation: {
        ...rotation,
        sameSince: back(rotation.sameSince),
        changedAt: back(rotation.changedAt),
        seen: Object.fromEntries(
          Object.entries(rotation.seen).map(([address, [look, at]]) => [address, [look, back(at)]]),
        ),
      },
    }),
  };
}
