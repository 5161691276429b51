/** How one target's look ended: with addresses, with the last known ones held, or with none at all. */
export interface LookResult {
  name: string;
  outcome: 'resolved' | 'held' | 'failed';
  /** Whether what its aliases publish changed; their names are marked then. */
  changed: boolean;
}

/** What a forced look passes by: damping, or everything that holds back a good answer, for the aliases of these zones alone. */
export type LookForce = 'damping' | { zoneIds: readonly string[] };
