import type { Overview } from '../../store/overview.ts';

/** How the queue stands; one that can't be reached has an `error` in words. */
export interface QueueStatus {
  kind: string;
  counts?: Record<string, number>;
  error?: string;
}

export type Status = Overview & { queue: QueueStatus };
