import type { Transport } from './edns.ts';

/** What was asked for. */
export type Asked = 'SOA' | 'AXFR' | 'IXFR';

/**
 * What was given. `up-to-date`: the SOA alone, to an IXFR client that needs no more. `retry over TCP`: the SOA alone,
 * as the rest doesn't fit a datagram (RFC 1995, 2).
 */
export type Given = 'SOA' | 'AXFR' | 'IXFR' | 'AXFR-style IXFR' | 'up-to-date' | 'retry over TCP';

/** By what a version's change is followed, worked out when it is asked for. */
export interface Versioned {
  readonly change: string | undefined;
}

/** One answer with data to a secondary, told when it is over. */
export interface ServedEvent {
  readonly zoneId: string;
  readonly zone: string;
  readonly secondaryId: string;
  /** The secondary's registered name. */
  readonly secondary: string;
  readonly address: string;
  readonly port: number;
  readonly transport: Transport;
  /** The key that signed, by canonical name. */
  readonly key?: string;
  readonly asked: Asked;
  readonly given: Given;
  /** The serial that an IXFR client has. */
  readonly fromSerial?: number;
  readonly serial: number;
  /** The version itself, for what is asked of few answers. */
  readonly version: Versioned;
  /** Whether all of it went to the client's connection; that it was taken in is for a SOA check to say. */
  readonly complete: boolean;
  /** Why it is not complete. */
  readonly failure?: string;
  readonly messages: number;
  readonly records: number;
  /** Octets of all messages. */
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly ms: number;
}

/** A secondary has shown a serial newer than ours, over TCP or signed with its key. */
export interface AheadEvent {
  readonly zone: string;
  readonly secondaryId: string;
  readonly serial: number;
}

/** A request that was refused. */
export interface RefusedEvent {
  readonly address: string;
  /** The key that it named. */
  readonly key?: string;
  readonly zone?: string;
  /** The type asked for, in words. */
  readonly asked?: string;
  readonly reason: string;
  readonly detail: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}
