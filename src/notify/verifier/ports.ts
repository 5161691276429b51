import type { Changed, Published, RrsetName } from '../../store/ledger/content.ts';
import type { Awaited, Look } from '../../store/ledger/kinds.ts';

export type { Changed, Published, RrsetName } from '../../store/ledger/content.ts';
export type { Awaited, Look, Taken } from '../../store/ledger/kinds.ts';

/** What the verifier needs of the ledger (`store/ledger/kinds.ts`). */
export interface LookLedger {
  /** Takes rows that are due and moves their time on, so that a crash only delays them. */
  claim(limit: number, except: readonly string[]): Promise<Awaited[]>;
  settle(looks: readonly Look[]): Promise<void>;
  hasten(secondaryId: string): Promise<void>;
  /** A hint that rows fell due. It may be lost: the verifier looks every second anyway. */
  onHint(callback: () => void): () => void;
}

/** What is published, to compare with (`store/ledger/content.ts`). */
export interface PublishedContent {
  changed(zoneIds: readonly string[]): Promise<(Changed | undefined)[]>;
  published(names: readonly RrsetName[]): Promise<(Published | undefined)[]>;
}
