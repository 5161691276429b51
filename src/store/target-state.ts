import { readState, type TargetState } from '../zone/alias/state.ts';
import { afterSteady } from '../zone/alias/steady.ts';

/** The columns that a target's state is made of. */
export const STATE = 'state, steady_looks, looked_at';

export interface StoredState {
  state: object;
  steady_looks: number;
  looked_at: Date | null;
}

/** What is known of a target, looks that changed nothing among it. */
export function stateOf({ state, steady_looks: looks, looked_at: lookedAt }: StoredState): TargetState {
  return afterSteady(readState(state), looks, lookedAt?.getTime() ?? 0);
}
