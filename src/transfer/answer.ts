import { compareSerial } from '../dns/serial.ts';
import type { JournalStep, PublishedZone } from '../zone/version.ts';
import type { Transport } from './edns.ts';
import { historyBytes, isConnected } from './incremental.ts';
import type { DataAsk } from './request.ts';

/** What is sent, and why that. */
export type Answer =
  | { readonly kind: 'singleSoa'; readonly because: 'asked' | 'up-to-date' | 'client-ahead' | 'udp' }
  | {
      readonly kind: 'incremental';
      readonly because: 'history';
      readonly from: number;
      readonly steps: readonly JournalStep[];
    }
  | {
      readonly kind: 'full';
      readonly because: 'asked' | 'incomparable' | 'no-history' | 'history-too-large';
    };

/** What deciding may ask about the zone, each only when it is needed. */
export interface Evidence {
  /** The steps from a serial to the zone's own; undefined where there are none. */
  history(from: number): Promise<readonly JournalStep[] | undefined>;
  /** Whether the zone's records have more octets than this; `steps` lead to it. */
  isLarger(octets: number, steps: readonly JournalStep[]): Promise<boolean>;
}

/**
 * Chooses among the three answers that RFC 1995 and RFC 5936 know. An IXFR client never gets an error for what we
 * lack, as NSD stops asking for IXFR then: it gets the whole zone.
 */
export async function decideAnswer(
  ask: DataAsk,
  zone: PublishedZone,
  transport: Transport,
  evidence: Evidence,
): Promise<Answer> {
  if (ask.kind === 'SOA') return { kind: 'singleSoa', because: 'asked' };
  if (ask.kind === 'AXFR') return { kind: 'full', because: 'asked' };
  const answer = await decideIncremental(ask.serial, zone, evidence);
  // RFC 1995, 2: over UDP what doesn't fit is the single SOA, which sends the client to TCP. A whole zone rarely
  // fits; an incremental answer is measured when it is rendered.
  return answer.kind === 'full' && transport === 'udp' ? { kind: 'singleSoa', because: 'udp' } : answer;
}

async function decideIncremental(from: number, zone: PublishedZone, evidence: Evidence): Promise<Answer> {
  switch (compareSerial(from, zone.serial)) {
    case 'equal':
      return { kind: 'singleSoa', because: 'up-to-date' };
    case 'newer':
      // RFC 1995, 2: equal or newer.
      return { kind: 'singleSoa', because: 'client-ahead' };
    case 'incomparable':
      return { kind: 'full', because: 'incomparable' };
    case 'older':
      break;
  }
  const steps = await evidence.history(from);
  if (steps === undefined || !isConnected(zone, from, steps)) return { kind: 'full', because: 'no-history' };
  const octets = historyBytes(zone, steps);
  // A change of the SOA alone is smaller than any zone. Larger than the zone: RFC 1995, 4 leaves the choice to us.
  if (octets > 0 && !(await evidence.isLarger(octets - 1, steps)))
    return { kind: 'full', because: 'history-too-large' };
  return { kind: 'incremental', because: 'history', from, steps };
}
