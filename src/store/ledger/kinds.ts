import type { Endpoint } from '../../endpoint.ts';

/** A zone that has to be seen at a secondary. */
export interface Awaited {
  zoneId: string;
  zone: string;
  serial: number;
  committedAt: Date;
  secondaryId: string;
  secondary: string;
  /** Where it answers queries. */
  checkAt: readonly Endpoint[];
  /** Questions a second to it, at most; undefined: as many as by default. */
  rate?: number;
  /** How often it was looked for in vain. */
  misses: number;
  /** Whether the serial was seen there before, and there is more to be looked at. */
  wasServing: boolean;
  /** By what the change is followed, 32 hex digits. */
  change?: string;
}

/** What a look at a secondary came to. */
export interface Look {
  zoneId: string;
  secondaryId: string;
  serial: number;
  committedAt: Date;
  at: Date;
  /** The oldest serial at any of its addresses. */
  shown?: number;
  rcode?: number;
  /** In words, where no serial came. */
  error?: string;
  /** Whether it serves `serial` or a newer one everywhere. */
  serving: boolean;
  /** Whether the changed RRsets were compared, and one that is not as published. */
  compared: boolean;
  differs?: string;
  /** When to look again; without it the serial is done. */
  nextAt?: Date;
  /** Put back without a look: nothing is written but `nextAt`. */
  unasked?: boolean;
  /** NOTIFY is sent again. */
  tellAgain?: boolean;
  /** What it has asked of us, where this process has seen it. */
  taken?: Taken;
}

/** What a secondary has asked of us. */
export interface Taken {
  zoneId: string;
  secondaryId: string;
  serial: number;
  /** When it asked; ms since the epoch. */
  askedAt: number;
  /** A transfer that went out whole. */
  served?: { kind: string; bytes: number; ms: number; at: number };
}
