import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Hints } from '../store/hints.ts';
import type { Pool } from '../store/pool.ts';
import { type Publication, publishMarked } from '../store/publication/publish.ts';
import { markedZones } from '../store/publication/read.ts';
import { hastenTargets } from '../store/targets.ts';
import type { SerialPolicy } from '../zone/serial-policy.ts';

export interface PublisherOptions {
  pool: Pool;
  hints: Hints;
  clock: Clock;
  log: Log;
  serialPolicy: SerialPolicy;
  /** Zones in one transaction, at most. */
  batch?: number;
  /** Milliseconds between looks for marks whose hint was lost. */
  pollEvery?: number;
}

const HELD_FOR = 250; // ms until a zone that somebody else held is tried again

/**
 * Publishes marked names as long as it runs: woken by hints, and by a poll behind them. Any number of publishers, in any number of
 * processes, share the work by row locks.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #held = new Map<string, number>();
  #unhint: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #wokenMeanwhile = false;
  #stopped = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  start(): void {
    this.#unhint = this.#options.hints.on('marks', () => this.wake());
    this.wake();
  }

  /** Looks for marks now. */
  wake(): void {
    if (this.#stopped) return;
    this.#wokenMeanwhile = true;
    if (this.#running) return;
    clearTimeout(this.#timer);
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      if (this.#stopped) return;
      const pause = this.#held.size > 0 ? HELD_FOR : (this.#options.pollEvery ?? 500);
      this.#timer = setTimeout(() => this.wake(), pause);
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unhint?.();
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (this.#wokenMeanwhile && !this.#stopped) {
        this.#wokenMeanwhile = false;
        while (!this.#stopped && (await this.#publishBatch()));
      }
    } catch (error) {
      this.#options.log.error(
        { error: messageOf(error) },
        'publishing failed; the marks stay and it is tried again',
      );
    }
  }

  /** One batch; false where no marked zone is left that could be had. */
  async #publishBatch(): Promise<boolean> {
    const { pool, clock, serialPolicy, batch = 500 } = this.#options;
    const now = clock.now();
    for (const [zoneId, until] of this.#held) if (until <= now) this.#held.delete(zoneId);
    const zoneIds = await markedZones(pool, batch, [...this.#held.keys()]);
    if (zoneIds.length === 0) return false;
    try {
      const publication = await publishMarked(pool, { serialPolicy, now, zoneIds });
      await hastenTargets(pool, publication.followed);
      const locked = new Set(publication.locked);
      for (const zoneId of zoneIds) if (!locked.has(zoneId)) this.#held.set(zoneId, now + HELD_FOR);
      this.#report(publication);
    } catch (error) {
      if (zoneIds.length === 1) {
        this.#held.set(zoneIds[0] ?? '', now + 5_000);
        throw error;
      }
      await this.#publishOneByOne(zoneIds, error);
    }
    return true;
  }

  /** One zone that can't be published must not stop the others of its batch. */
  async #publishOneByOne(zoneIds: readonly string[], cause: unknown): Promise<void> {
    const { pool, clock, serialPolicy, log } = this.#options;
    log.warn(
      { error: messageOf(cause), zones: zoneIds.length },
      'a batch failed; its zones are published one by one',
    );
    for (const zoneId of zoneIds) {
      try {
        const publication = await publishMarked(pool, { serialPolicy, now: clock.now(), zoneIds: [zoneId] });
        await hastenTargets(pool, publication.followed);
        if (publication.locked.length === 0) this.#held.set(zoneId, clock.now() + HELD_FOR);
        this.#report(publication);
      } catch (error) {
        this.#held.set(zoneId, clock.now() + 5_000);
        log.error(
          { zoneId, error: messageOf(error) },
          'a zone could not be published; it is tried again in 5 s',
        );
      }
    }
  }

  #report(publication: Publication): void {
    const { log } = this.#options;
    for (const { name, from, serial, deleted, added } of publication.zones) {
      log.info(
        { zone: name, from, serial, deleted, added },
        `${name} published, serial ${from ?? 'none'} -> ${serial}`,
      );
    }
    for (const { name, problem } of publication.setAside)
      log.warn({ zone: name }, `${name} is not publishable: ${problem}`);
  }
}
