/** How targets are looked at and when answers count. All times in milliseconds. */
export interface AliasPolicy {
  refreshMin: number;
  refreshMax: number;
  retryMin: number;
  retryMax: number;
  /** How long the last known addresses outlive "no such name / no data" of both families. */
  negativeHold: number;
  /** What comes after that: the addresses go, or they stay for ever. */
  emptyTarget: 'withdraw' | 'hold';
  /** How long addresses are held over failed looks; 0: for ever. */
  maxStale: number;
  /** What comes after that: they stay, they go, or the fallback addresses of a record, where it has some, stand in. */
  onStale: 'keep' | 'withdraw' | 'fallback';
  /** When an address of a rotating target counts as gone: unseen for so many looks, and for so long. */
  rotationLooks: number;
  rotationWindow: number;
  /** The least time between two sets of a rotating target, but for a clean break. */
  rotationFloor: number;
  /** Whether private and documentation addresses are published. */
  publishPrivate: boolean;
  publishDocumentation: boolean;
}

/** The policy of the default settings, but for what is given. */
export function aliasPolicy(changes: Partial<AliasPolicy> = {}): AliasPolicy {
  return {
    refreshMin: 30_000,
    refreshMax: 3_600_000,
    retryMin: 1_000,
    retryMax: 15_000,
    negativeHold: 900_000,
    emptyTarget: 'withdraw',
    maxStale: 0,
    onStale: 'fallback',
    rotationLooks: 10,
    rotationWindow: 60_000,
    rotationFloor: 300_000,
    publishPrivate: true,
    publishDocumentation: true,
    ...changes,
  };
}

/**
 * What a forced look passes by: the damping of rotating targets, or everything that holds a good answer back, the holds of denials
 * among it. A failed look is never taken for an answer.
 */
export type Force = 'damping' | 'everything';
