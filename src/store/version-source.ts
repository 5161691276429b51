import type { Clock } from '../clock.ts';
import type { JournalStep, PublishedZone, StoredRecord } from '../zone/version.ts';
import type { Pool } from './pool.ts';
import { openVersion, readCurrent, readHistory } from './versions.ts';

export type Current = { kind: 'zone'; zone: PublishedZone } | { kind: 'unpublished' } | { kind: 'unknown' };

interface Confirmed {
  current: Current;
  at: number;
}

const REMEMBERED = 200_000; // zones whose last confirmed version is kept for the time that PostgreSQL is away

/**
 * What the transfer server asks for versions. Every answer is read from PostgreSQL after the question came, so it is never older than
 * a serial already notified; questions that come together are one query. While PostgreSQL doesn't answer, the last confirmed version
 * goes out until the zone's EXPIRE after it was confirmed.
 */
export class VersionSource {
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #onAway: (away: Error | undefined) => void;
  readonly #confirmed = new Map<string, Confirmed>();
  #waiting = new Map<string, { resolve: (current: Current) => void; reject: (error: Error) => void }[]>();
  #asking = 0;
  #away = false;

  /** `onAway` is called with the error when PostgreSQL stops answering, and with undefined when it answers again. */
  constructor(pool: Pool, clock: Clock, onAway: (away: Error | undefined) => void = () => {}) {
    this.#pool = pool;
    this.#clock = clock;
    this.#onAway = onAway;
  }

  /** True while answers come from memory. */
  get away(): boolean {
    return this.#away;
  }

  current(zone: string): Promise<Current> {
    return new Promise((resolve, reject) => {
      const known = this.#waiting.get(zone);
      if (known) known.push({ resolve, reject });
      else this.#waiting.set(zone, [{ resolve, reject }]);
      if (this.#waiting.size === 1 && !known) setImmediate(() => this.#askIfFree());
    });
  }

  async open(zoneId: string): Promise<{ zone: PublishedZone; batches: AsyncIterable<StoredRecord[]> }> {
    const version = await openVersion(this.#pool, zoneId);
    if (!version) throw new Error('the zone was deleted');
    return version;
  }

  history(zoneId: string, from: number, to: number, maxBytes: number): Promise<JournalStep[] | undefined> {
    return readHistory(this.#pool, zoneId, from, to, maxBytes);
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

  async #ask(
    asked: Map<string, { resolve: (current: Current) => void; reject: (error: Error) => void }[]>,
  ): Promise<void> {
    const at = this.#clock.now();
    let found: Map<string, PublishedZone | undefined>;
    try {
      found = await readCurrent(this.#pool, [...asked.keys()]);
      this.#setAway(undefined);
    } catch (error) {
      this.#setAway(error as Error);
      for (const [zone, waiting] of asked)
        for (const { resolve } of waiting) resolve(this.#lastConfirmed(zone));
      return;
    }
    for (const [zone, waiting] of asked) {
      const current = currentOf(found, zone);
      this.#remember(zone, { current, at });
      for (const { resolve } of waiting) resolve(current);
    }
  }

  #remember(zone: string, confirmed: Confirmed): void {
    this.#confirmed.delete(zone);
    if (confirmed.current.kind === 'unknown') return;
    this.#confirmed.set(zone, confirmed);
    if (this.#confirmed.size > REMEMBERED) {
      const oldest = this.#confirmed.keys().next();
      if (!oldest.done) this.#confirmed.delete(oldest.value);
    }
  }

  #lastConfirmed(zone: string): Current {
    const confirmed = this.#confirmed.get(zone);
    if (!confirmed) return { kind: 'unpublished' };
    if (
      confirmed.current.kind === 'zone' &&
      this.#clock.now() - confirmed.at > confirmed.current.zone.expire * 1000
    )
      return { kind: 'unpublished' };
    return confirmed.current;
  }

  #setAway(error: Error | undefined): void {
    if (this.#away === (error !== undefined)) return;
    this.#away = error !== undefined;
    this.#onAway(error);
  }
}

function currentOf(found: Map<string, PublishedZone | undefined>, name: string): Current {
  if (!found.has(name)) return { kind: 'unknown' };
  const zone = found.get(name);
  return zone ? { kind: 'zone', zone } : { kind: 'unpublished' };
}
