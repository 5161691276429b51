import type { DueNotification, NotificationResult } from '../store/outbox.ts';

export type { DueNotification, NotificationResult } from '../store/outbox.ts';

/** One address of one secondary. */
export interface PeerName {
  secondaryId: string;
  addressText: string;
}

/** What the dispatcher needs of the outbox (`store/outbox.ts`). */
export interface NotifyOutbox {
  /**
   * Takes due rows, at most `limit`, and moves their time on, so that a crash only delays them. `except`: peers that can't take
   * more now; their rows are better left alone, as one secondary's backlog must not stand before the others.
   */
  claim(limit: number, except: readonly PeerName[]): Promise<DueNotification[]>;
  /**
   * Writes what came of them. With an rcode: answered. With an error: not. With neither: not sent at all, only put back
   * until `nextAt`.
   */
  settle(results: readonly NotificationResult[]): Promise<void>;
  nextDue(): Promise<Date | undefined>;
  /** A hint that rows fell due. It may be lost: the dispatcher looks every second anyway. */
  onHint(callback: () => void): () => void;
  /** Brings forward what waits for a secondary that answers again. Without it the rows wait out their back-off. */
  hasten?(peer: PeerName, by: Date): Promise<void>;
}
