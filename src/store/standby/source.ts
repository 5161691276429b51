import type { Clock } from '../../clock.ts';
import type { CurrentZone, JournalStep, OpenVersion, PublishedZone } from '../../zone/version.ts';
import { openVersion } from '../open-version.ts';
import type { Pool } from '../pool.ts';
import { readCurrent, readHistory } from '../versions.ts';
import { checkStandby, type StandbyVerdict } from './check.ts';

export interface StandbySourceOptions {
  pool: Pool;
  url: string;
  clock: Clock;
  /** Who may have which zones. */
  access: { read(): Promise<void> };
  /** Called at every change, `because` of which it is away; undefined: no more. */
  onAway(because: string | undefined): void;
}

const CHECK_EVERY_MS = 1_000;

/**
 * Versions from a read replica for which every commit at the primary waits until it shows there. Nothing can be written, so no lease
 * taken: each answer is read after its request came, and so never has a serial older than one that the primary's processes told.
 * Where commits no longer wait, nothing is answered; where that can't be learned, what is there goes out until EXPIRE after it last was.
 */
export class StandbySource {
  readonly #options: StandbySourceOptions;
  readonly #last = new Map<string, PublishedZone>();
  #verdict: StandbyVerdict = { kind: 'unknown', reason: 'not asked yet' };
  #contact = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #checking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: StandbySourceOptions) {
    this.#options = options;
  }

  /** Why it is not, or not surely, right to answer. */
  get away(): string | undefined {
    return this.#verdict.kind === 'waited-for' ? undefined : this.#verdict.reason;
  }

  async start(): Promise<void> {
    await this.#check();
    await this.#options.access.read();
    this.#timer = setInterval(() => {
      this.#checking ??= this.#check().finally(() => {
        this.#checking = undefined;
      });
    }, CHECK_EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#checking;
  }

  /** Reads who may have what, begun after this call; calls at once share one reading. Never rejects. */
  fresh(): Promise<void> {
    if (this.#reading === undefined) return this.#read();
    this.#next ??= this.#reading.then(() => {
      this.#next = undefined;
      return this.#reading ?? this.#read();
    });
    return this.#next;
  }

  async current(zone: string): Promise<CurrentZone> {
    const { pool, clock } = this.#options;
    if (this.#verdict.kind === 'not-waited-for') throw new Error(`read replica: ${this.#verdict.reason}`);
    let found: PublishedZone | undefined;
    try {
      const zones = await readCurrent(pool, [zone]);
      found = zones.get(zone);
      if (found === undefined) {
        this.#last.delete(zone);
        return { kind: zones.has(zone) ? 'unpublished' : 'unknown' };
      }
      this.#last.set(zone, found);
    } catch (error) {
      found = this.#last.get(zone);
      if (found === undefined) throw error;
    }
    if (this.#verdict.kind === 'unknown' && clock.now() - this.#contact > found.expire * 1000)
      return { kind: 'unpublished' };
    return { kind: 'zone', zone: found };
  }

  async open(zoneId: string): Promise<OpenVersion> {
    const version = await openVersion(this.#options.pool, zoneId);
    if (!version) throw new Error('the zone was deleted');
    return version;
  }

  history(zoneId: string, from: number, to: number, maxBytes: number): Promise<JournalStep[] | undefined> {
    return readHistory(this.#options.pool, zoneId, from, to, maxBytes);
  }

  #read(): Promise<void> {
    // what was known stays where it can't be read
    this.#reading = this.#options.access
      .read()
      .catch(() => {})
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }

  async #check(): Promise<void> {
    const { pool, url, clock, onAway } = this.#options;
    const before = this.away;
    const askedAt = clock.now();
    this.#verdict = await checkStandby(pool, url);
    if (this.#verdict.kind === 'waited-for') this.#contact = askedAt;
    if (this.away !== before) onAway(this.away);
  }
}
