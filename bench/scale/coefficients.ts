/** Microseconds of one core. */
interface Cpu {
  /** Of the process with that role. */
  readonly process: number;
  readonly database: number;
}

/** What one thing costs. */
export interface Coefficients {
  /** A version among many of one batch: rows compared and written, serial, journal, outbox. */
  readonly publish: Cpu;
  /** A batch by itself: a change that comes alone costs this and `publish`. */
  readonly alone: Cpu;
  /** A version told to one secondary and seen there: NOTIFY, ledger, the questions that verify it. */
  readonly tell: Cpu;
  /** A look at a target that finds what is known, both families. */
  readonly look: Cpu;
  /** An SOA answered over UDP. */
  readonly soa: Cpu;
  /** What it costs more where the zone is not among those that the process keeps in memory. */
  readonly unknown: Cpu;
  /** An IXFR of a small change, read from the journal. */
  readonly ixfr: Cpu;
  /** A version in the journal of a zone that is looked at when journals are pruned. */
  readonly prune: Cpu;
  /** Octets on disk, indexes included. */
  readonly disk: {
    readonly zone: number;
    readonly record: number;
    readonly publishedRecord: number;
    readonly version: number;
    /** Of one zone at one secondary. */
    readonly outbox: number;
    readonly ledger: number;
    /** A serial that one secondary was seen to serve. */
    readonly seen: number;
    readonly target: number;
    readonly alias: number;
  };
  /** Octets of a transfer process: its own, and for each zone. */
  readonly memory: { readonly process: number; readonly zone: number };
  /** Octets in Redis or Valkey with as many finished jobs as are kept at most (10,100 of 2.7 kB): it holds work in flight, whatever the number of zones. */
  readonly queue: number;
  /** Octets on the wire both ways, UDP, TCP and IP headers included. */
  readonly wire: {
    readonly look: number;
    readonly tell: number;
    readonly soa: number;
    readonly ixfr: number;
  };
}

/**
 * As `npm run bench -- scale --measure` and the benchmarks beside it saw them on two virtual cores (see docs/scale.md). What goes over the wire is counted from
 * the messages: names of some twenty octets, no signatures.
 */
export const measured: Coefficients = {
  publish: { process: 77, database: 220 },
  alone: { process: 6_900, database: 17_600 },
  tell: { process: 225, database: 205 },
  look: { process: 105, database: 20 },
  soa: { process: 7.5, database: 0 },
  unknown: { process: 100, database: 100 },
  ixfr: { process: 120, database: 150 },
  prune: { process: 0, database: 2.5 },
  disk: {
    zone: 510,
    record: 340,
    publishedRecord: 190,
    version: 810,
    outbox: 270,
    ledger: 240,
    seen: 140,
    target: 2_130,
    alias: 300,
  },
  memory: { process: 146e6, zone: 260 },
  queue: 29e6,
  wire: { look: 512, tell: 560, soa: 200, ixfr: 900 },
};
