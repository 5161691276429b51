/** Every bound of the transfer server. Octets, milliseconds or counts, as each name says. */
export interface TransferLimits {
  /** Connections at once, of all clients. */
  readonly connections: number;
  /** Connections at once from one address. NSD opens up to 128 of them, one a zone. */
  readonly connectionsPerAddress: number;
  /** Connections at once from all addresses that nobody registered. */
  readonly strangerConnections: number;
  /** Requests a second of all addresses that nobody registered; above it datagrams are dropped and connections closed. */
  readonly strangerRequests: number;
  /** A connection without a whole request for so long is closed (RFC 7766, 6.2.3). */
  readonly idleMs: number;
  /** A reader that takes nothing of a write for so long is cut off (RFC 5936, 4.1.2). */
  readonly stallMs: number;
  /** A transfer that takes longer is cut off, so that no version is kept alive for ever. */
  readonly transferMs: number;
  /** How long the store may take to give a version, a history or the next part of one. */
  readonly sourceMs: number;
  /** Requests that wait on one connection before reading from it pauses. */
  readonly pipelined: number;
  /** Transfers at once; the rest wait their turn, one secondary after the other. */
  readonly transfers: number;
  /** Of them for one secondary, which never gets more than it leaves free. */
  readonly transfersPerSecondary: number;
  /** How long a transfer may wait for its turn before it is refused. */
  readonly turnMs: number;
  /** Versions rendered at once, which is also the most database clients that this room holds. */
  readonly renderings: number;
  /** Rendered messages kept for the next transfer. */
  readonly imageBytes: number;
  /** Rendered messages of outdated versions kept for readers that are still at them. */
  readonly lingeringBytes: number;
  /** Increments kept for the next secondary that asks for the same. */
  readonly incrementBytes: number;
  /** The longest history answered incrementally where the size of the zone does not say less. */
  readonly historyBytes: number;
  /** Datagrams being answered at once; further ones are dropped, as UDP may. */
  readonly datagrams: number;
}

export const defaultLimits: TransferLimits = {
  connections: 2000,
  connectionsPerAddress: 200,
  strangerConnections: 200,
  strangerRequests: 500,
  idleMs: 15_000,
  stallMs: 30_000,
  transferMs: 3_600_000,
  sourceMs: 20_000,
  pipelined: 32,
  transfers: 64,
  transfersPerSecondary: 32,
  turnMs: 20_000,
  renderings: 2,
  imageBytes: 256 * 1024 * 1024,
  lingeringBytes: 128 * 1024 * 1024,
  incrementBytes: 32 * 1024 * 1024,
  historyBytes: 16 * 1024 * 1024,
  datagrams: 2000,
};

/** Octets of one rendered message: compression pointers reach no further (RFC 1035, 4.1.4). */
export const MESSAGE_BYTES = 16_384;

/** Octets that a DNS message over TCP may have at all. */
export const LARGEST_MESSAGE = 65_535;

/**
 * Kept free in every rendered message for what is added to a copy of it: OPT with our options, and a TSIG with the
 * longest key name, algorithm name and MAC (RFC 8945, 4.2: 255 + 10 + 26 + 16 + 64 octets).
 */
export const MESSAGE_RESERVE = 512;

/** Octets of a rendered message, header included, that records may take. */
export const CHUNK_BYTES = MESSAGE_BYTES - MESSAGE_RESERVE;
/** A part of a version below this is put together with the one beside it, when either is rendered anew. */
export const SMALL_CHUNK_BYTES = CHUNK_BYTES / 4;

/** What we take over UDP, and at most send there (RFC 6891, 6.2.3). */
export const UDP_BYTES = 1232;
/** What every client takes over UDP (RFC 1035, 4.2.1). */
export const PLAIN_UDP_BYTES = 512;
