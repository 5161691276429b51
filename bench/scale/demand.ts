import type { Coefficients } from './coefficients.ts';

/** What there is to do. */
export interface Load {
  readonly zones: number;
  readonly records: number;
  readonly aliases: number;
  /** Zones that follow the same target. */
  readonly zonesPerTarget: number;
  /** Seconds between two looks at a target: its TTL, within REFRESH_MIN and REFRESH_MAX. */
  readonly lookEvery: number;
  /** Edits of one zone, and moves of one target, a day. */
  readonly edits: number;
  readonly moves: number;
  readonly secondaries: number;
  /** The SOA's REFRESH, in seconds: how often a secondary asks unasked. */
  readonly refresh: number;
  /** Days that a version stays in the journal (JOURNAL_DAYS), versions of a zone there at most (JOURNAL_VERSIONS), and days that a serial seen stays in the ledger. */
  readonly journalDays: number;
  readonly journalVersions: number;
  readonly historyDays: number;
}

/** What one installation has to do it with. */
export interface Installation {
  readonly workers: number;
  readonly transfers: number;
  readonly databaseCores: number;
  /** Octets. */
  readonly databaseDisk: number;
  readonly transferMemory: number;
  readonly queueMemory: number;
  /** Questions a second that the resolvers take together. */
  readonly resolvers: number;
  /** Bits a second. */
  readonly line: number;
  /** NOTIFYs a second to one secondary (NOTIFY_RATE, `--notify-rate`). */
  readonly notifyRate: number;
  /** SOA questions a second that one secondary puts (BIND's serial-query-rate). */
  readonly serialQueries: number;
}

/** A resource with what is asked of it; `use` and `capacity` in the same unit. */
export interface Resource {
  readonly name: string;
  readonly use: number;
  readonly capacity: number;
  readonly unit: string;
  /** Where sharing the zones among installations makes it no smaller: it is the same for any number, or the secondary's own. */
  readonly stays?: 'constant' | 'theirs';
}

const DAY = 86_400;
/** Zones that a transfer process keeps in memory (`MOST_KNOWN` in src/store/version-source.ts); of others it asks the database. */
const KNOWN = 1_000_000;
/** The ledger's history and the finished jobs are bounded (src/store/ledger/states.ts). */
const MOST_SEEN = 1_000_000;
const MAINTENANCE = 600; // seconds
/** Seconds of changes whose zones' journals are looked at each time: twice the ten minutes, and those whose oldest version falls out (src/sync/maintenance.ts). */
const TOUCHED = 3 * MAINTENANCE;
/** Batches a second that a worker begins at most: what comes meanwhile goes together into the next. */
const BATCHES = 40;

/** Versions a second: edits, and targets that move in each zone that follows them. */
export function versionsPerSecond({ zones, edits, aliases, moves }: Load): number {
  return (zones * (edits + aliases * moves)) / DAY;
}

export function targetsOf({ zones, aliases, zonesPerTarget }: Load): number {
  return (zones * aliases) / zonesPerTarget;
}

/** What a load asks of each resource of an installation. Everything grows in line with the zones but what is bounded by itself. */
export function demand(load: Load, has: Installation, cost: Coefficients): Resource[] {
  const versions = versionsPerSecond(load);
  const batches = Math.min(versions, has.workers * BATCHES);
  const tells = versions * load.secondaries;
  const looks = targetsOf(load) / load.lookEvery;
  const polls = (load.zones * load.secondaries) / load.refresh;
  const soas = polls + tells;
  const journal = Math.min(versions * DAY * load.journalDays, load.zones * load.journalVersions);
  const pruned = (journal / load.zones) * Math.min(load.zones, versions * TOUCHED);
  const unknown = Math.max(0, 1 - KNOWN / load.zones);
  const cores = (microseconds: number) => microseconds / 1e6;
  const published = load.records + load.aliases;
  const { disk, memory, wire } = cost;
  const rows = load.zones * load.secondaries * (disk.outbox + disk.ledger);
  const seen = Math.min(MOST_SEEN, tells * DAY * load.historyDays) * disk.seen;
  return [
    {
      name: 'secondary: its SOA questions',
      use: polls / load.secondaries + versions,
      capacity: has.serialQueries,
      unit: '/s',
      stays: 'theirs',
    },
    { name: 'NOTIFY rate to a secondary', use: versions, capacity: has.notifyRate, unit: '/s' },
    { name: 'resolvers', use: looks * 2, capacity: has.resolvers, unit: 'questions/s' },
    {
      name: 'workers',
      use: cores(versions * cost.publish.process + batches * cost.alone.process + looks * cost.look.process),
      capacity: has.workers,
      unit: 'cores',
    },
    {
      name: 'transfer processes',
      use: cores(
        tells * (cost.tell.process + cost.ixfr.process) +
          soas * (cost.soa.process + unknown * cost.unknown.process),
      ),
      capacity: has.transfers,
      unit: 'cores',
    },
    {
      name: 'PostgreSQL: CPU',
      use: cores(
        versions * cost.publish.database +
          batches * cost.alone.database +
          tells * (cost.tell.database + cost.ixfr.database) +
          looks * cost.look.database +
          soas * unknown * cost.unknown.database +
          (pruned * cost.prune.database) / MAINTENANCE,
      ),
      capacity: has.databaseCores,
      unit: 'cores',
    },
    {
      name: 'PostgreSQL: pruning within its ten minutes',
      use: (pruned * cost.prune.database) / 1e6,
      capacity: MAINTENANCE,
      unit: 's',
    },
    {
      name: 'PostgreSQL: disk',
      use:
        load.zones *
          (disk.zone +
            load.records * disk.record +
            published * disk.publishedRecord +
            load.aliases * disk.alias) +
        targetsOf(load) * disk.target +
        journal * disk.version +
        rows +
        seen,
      capacity: has.databaseDisk,
      unit: 'B',
    },
    {
      name: 'memory of a transfer process',
      use: memory.process + Math.min(KNOWN, load.zones) * memory.zone,
      capacity: has.transferMemory,
      unit: 'B',
    },
    { name: 'Redis or Valkey', use: cost.queue, capacity: has.queueMemory, unit: 'B', stays: 'constant' },
    {
      name: 'network',
      use: 8 * (looks * wire.look + tells * (wire.tell + wire.ixfr) + soas * wire.soa),
      capacity: has.line,
      unit: 'bit/s',
    },
  ];
}

export function utilisation({ use, capacity }: Resource): number {
  return use / capacity;
}

/** The fullest first. */
export function byUtilisation(resources: readonly Resource[]): Resource[] {
  return resources.toSorted((a, b) => utilisation(b) - utilisation(a));
}

/** The number of zones at which a resource is used for so large a share; undefined where that is never. */
export function zonesUntil(
  share: number,
  name: string,
  load: Load,
  has: Installation,
  cost: Coefficients,
): number | undefined {
  const isOver = (zones: number) =>
    demand({ ...load, zones }, has, cost).some((one) => one.name === name && utilisation(one) > share);
  if (!isOver(MOST_ZONES)) return undefined;
  let [below, above] = [0, MOST_ZONES];
  while (above - below > 1) {
    const middle = Math.floor((below + above) / 2);
    if (isOver(middle)) above = middle;
    else below = middle;
  }
  return below;
}

const MOST_ZONES = 1e12;

/** Installations that the zones have to be shared among so that none of their resources is fuller than `most`. */
export function installationsFor(load: Load, has: Installation, cost: Coefficients, most: number): number {
  const fits = (count: number) =>
    demand({ ...load, zones: load.zones / count }, has, cost).every(
      (resource) => resource.stays !== undefined || utilisation(resource) <= most,
    );
  let enough = 1;
  while (!fits(enough)) {
    if (enough >= MOST_INSTALLATIONS) return Number.POSITIVE_INFINITY;
    enough *= 2;
  }
  let tooFew = enough / 2;
  while (enough - tooFew > 1) {
    const middle = Math.floor((enough + tooFew) / 2);
    if (fits(middle)) enough = middle;
    else tooFew = middle;
  }
  return enough;
}

const MOST_INSTALLATIONS = 2 ** 30;
