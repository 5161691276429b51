import type { Clock } from '../clock.ts';
import type { CurrentZone, JournalStep, OpenVersion, PublishedZone } from '../zone/version.ts';
import { KnownVersion, KnownVersions } from './known-versions.ts';
import { Lease, type ZoneChange } from './lease/lease.ts';
import { mendForeignNumbers, readVersionsAfter } from './lease/statements.ts';
import { openVersion } from './open-version.ts';
import type { Pool } from './pool.ts';
import { readCurrent, readHistory } from './versions.ts';

export interface VersionSourceOptions {
  pool: Pool;
  /** Of the same database, for a connection of the lease's own. */
  url: string;
  clock: Clock;
  /** Who may have which zones: read again whenever that changed, before anything is confirmed. */
  access: { read(): Promise<void> };
  /** Called with the error when PostgreSQL stops answering, and with undefined when it answers again. */
  onAway?: (away: Error | undefined) => void;
  /** Called where another server took over, which may lack the last commits: what was made of any version may be lost. Must not throw. */
  onTakeOver?: () => void;
  /** Called with each newer version of a zone as soon as it may be answered with. Must not throw. */
  onVersion?: (version: KnownVersion) => void;
}

const MOST_KNOWN = 1_000_000; // zones in memory, some 250 octets each
const PAGE = 2_000; // zones a query while all are read

/**
 * What the transfer server asks for versions. It answers from memory while its lease runs (see `Lease`), and else learns what changed
 * before each answer: so never with a serial older than one notified. While PostgreSQL doesn't answer, the last confirmed
 * version goes out until the zone's EXPIRE after the last contact.
 */
export class VersionSource {
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #access: { read(): Promise<void> };
  readonly #onAway: (away: Error | undefined) => void;
  readonly #onTakeOver: () => void;
  readonly #onVersion: (version: KnownVersion) => void;
  readonly #known = new KnownVersions(MOST_KNOWN);
  readonly #lease: Lease;
  #waiting = new Map<string, { resolve: (current: CurrentZone) => void }[]>();
  #asking = 0;
  #generation = 0;
  #stopped = false;

  constructor(options: VersionSourceOptions) {
    this.#pool = options.pool;
    this.#clock = options.clock;
    this.#access = options.access;
    this.#onAway = options.onAway ?? (() => {});
    this.#onTakeOver = options.onTakeOver ?? (() => {});
    this.#onVersion = options.onVersion ?? (() => {});
    this.#lease = new Lease({
      url: options.url,
      clock: options.clock,
      holder: {
        zonesChanged: (changes) => this.#take(changes),
        startAnew: (tookOver) => {
          this.#known.startAnew();
          if (tookOver) this.#onTakeOver();
          void this.#readAll(++this.#generation);
        },
        readAccess: (deadline) => within(deadline, this.#access.read()),
        setAway: (error) => this.#onAway(error),
      },
    });
  }

  /** True while PostgreSQL doesn't answer. */
  get away(): boolean {
    return this.#lease.away;
  }

  /** Takes the lease. */
  async start(): Promise<void> {
    await mendForeignNumbers(this.#pool);
    await this.#lease.start();
  }

  /** To be called when nothing is answered any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#lease.stop();
  }

  /** Something changed, as a hint says. */
  wake(): void {
    void this.#lease.refresh();
  }

  /**
   * To be called and waited for before anything is answered, access included. Undefined: what is in memory may be answered with now.
   */
  fresh(): Promise<void> | undefined {
    return this.#lease.holds ? undefined : this.#lease.fresh();
  }

  /** Whether what `known` gives may be answered with now. */
  mayAnswer(): boolean {
    return this.#lease.holds && !this.#lease.away;
  }

  /** What is in memory of a zone where that may be answered with now; undefined: ask `fresh` and `current`. */
  known(zone: string): KnownVersion | undefined {
    return this.mayAnswer() ? this.#known.get(zone) : undefined;
  }

  /** The version to answer with after `fresh`. A zone that is not in memory is asked for; such questions go together. */
  async current(zone: string): Promise<CurrentZone> {
    if (this.#lease.away && this.#known.last(zone)) return this.#lastConfirmed(zone);
    const known = this.#known.get(zone);
    if (known) return { kind: 'zone', zone: known.zone() };
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(zone);
      if (waiting) waiting.push({ resolve });
      else this.#waiting.set(zone, [{ resolve }]);
      if (this.#waiting.size === 1 && !waiting) setImmediate(() => this.#askIfFree());
    });
  }

  /** A version to be transferred whole, as new as there is: nothing older is answered with from then on. */
  async open(zoneId: string): Promise<OpenVersion> {
    const reading = this.#known.reading();
    try {
      const version = await openVersion(this.#pool, zoneId);
      if (!version) throw new Error('the zone was deleted');
      reading.take(version.zone.name, knownVersion(version.zone));
      return version;
    } finally {
      reading.end();
    }
  }

  history(zoneId: string, from: number, to: number, maxBytes: number): Promise<JournalStep[] | undefined> {
    return readHistory(this.#pool, zoneId, from, to, maxBytes);
  }

  #take(changes: readonly ZoneChange[]): void {
    for (const { zone, version } of changes) {
      const known =
        version && new KnownVersion(version.id, zone, version.soa, version.soaTtl, version.change);
      this.#known.change(zone, known);
      if (known) this.#onVersion(known);
    }
  }

  /** All zones, so that they are there when PostgreSQL is not. */
  async #readAll(generation: number): Promise<void> {
    for (let after = '0'; this.#generation === generation && !this.#stopped; ) {
      const reading = this.#known.reading();
      try {
        const versions = await readVersionsAfter(this.#pool, after, PAGE);
        for (const version of versions) reading.take(version.name, version);
        if (versions.length < PAGE && this.#generation === generation) this.#known.forgetOlder();
        if (versions.length < PAGE || this.#known.size >= MOST_KNOWN) return;
        after = versions.at(-1)?.zoneId ?? after;
      } catch {
        // the zones left are asked for when they are wanted
        return;
      } finally {
        reading.end();
      }
    }
  }

  /** Two queries at once at most: questions that come meanwhile go together in the next. */
  #askIfFree(): void {
    if (this.#asking >= 2 || this.#waiting.size === 0) return;
    this.#asking++;
    const asked = this.#waiting;
    this.#waiting = new Map();
    void this.#ask(asked).finally(() => {
      this.#asking--;
      this.#askIfFree();
    });
  }

  async #ask(asked: Map<string, { resolve: (current: CurrentZone) => void }[]>): Promise<void> {
    const reading = this.#known.reading();
    try {
      const found = await readCurrent(this.#pool, [...asked.keys()]);
      for (const [name, waiting] of asked) {
        const zone = found.get(name);
        reading.take(name, zone && knownVersion(zone));
        const current: CurrentZone = zone
          ? { kind: 'zone', zone }
          : { kind: found.has(name) ? 'unpublished' : 'unknown' };
        for (const { resolve } of waiting) resolve(current);
      }
    } catch {
      this.wake();
      for (const [zone, waiting] of asked)
        for (const { resolve } of waiting) resolve(this.#lastConfirmed(zone));
    } finally {
      reading.end();
    }
  }

  #lastConfirmed(zone: string): CurrentZone {
    const last = this.#known.last(zone)?.zone();
    if (!last || this.#clock.now() - this.#lease.contact > last.expire * 1000) return { kind: 'unpublished' };
    return { kind: 'zone', zone: last };
  }
}

async function within<T>(deadline: number, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error('PostgreSQL did not answer in time')),
    Math.max(0, deadline - performance.now()),
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function knownVersion({ zoneId, name, soa, soaTtl, change }: PublishedZone): KnownVersion {
  const octets = change === undefined ? undefined : Buffer.from(change, 'hex');
  return new KnownVersion(zoneId, name, soa, soaTtl, octets);
}
