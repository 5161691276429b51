import { readState, type TargetState } from '../zone/alias/state.ts';
import { afterSteady } from '../zone/alias/steady.ts';

/** The pack that a target `t` is in, as `p`: its steady looks count for each of its targets. */
export const JOIN_PACK = 'left join steady_packs p on p.id = t.pack';
/** How many steady looks came since the state of target `t` was written, and when the last look was. */
export const STEADY_LOOKS = 't.steady_looks + coalesce(p.looks - t.pack_looks, 0)';
export const LOOKED_AT = 'coalesce(p.looked_at, t.looked_at)';
/** When target `t` is looked at again. */
export const DUE_AT = 'least(t.due_at, p.due_at)';
/** What a target's state is made of; see `JOIN_PACK`. */
export const STATE = `t.state, ${STEADY_LOOKS} as steady_looks, ${LOOKED_AT} as looked_at`;

export interface StoredState {
  state: object;
  steady_looks: number;
  looked_at: Date | null;
}

/** What is known of a target, looks that changed nothing among it. */
export function stateOf({ state, steady_looks: looks, looked_at: lookedAt }: StoredState): TargetState {
  return afterSteady(readState(state), looks, lookedAt?.getTime() ?? 0);
}
