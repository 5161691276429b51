import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Hints } from '../store/hints.ts';
import type { Pool } from '../store/pool.ts';
import { announceLooks } from '../store/publication/announce.ts';
import { type Publication, publishMarked } from '../store/publication/publish.ts';
import { type MarkedZones, markedZones, OtherTimeline } from '../store/publication/read.ts';
import { hastenTargets } from '../store/targets.ts';
import { changeId, publicationSpan, type Tracing } from '../trace.ts';
import { type AliasPolicy, aliasPolicy } from '../zone/alias/policy.ts';
import type { SerialPolicy } from '../zone/serial-policy.ts';
import { Cadence } from './cadence.ts';
import type { FirstSerials } from './first-serials.ts';

export interface PublisherOptions {
  pool: Pool;
  hints: Hints;
  clock: Clock;
  log: Log;
  serialPolicy: SerialPolicy;
  /** Waited for before these zones are published: see FirstSerials. */
  firstSerials?: Pick<FirstSerials, 'before' | 'sawTakeOver'>;
  /** For ALIAS records whose way ends within our zones. */
  policy?: AliasPolicy;
  /** Zones in one transaction, at most. */
  batch?: number;
  tracing?: Tracing;
  /** Milliseconds between looks for marks whose hint was lost. */
  pollEvery?: number;
}

const HELD_FOR = 250; // ms until a zone that somebody else held is tried again
const LANES = 3; // batches at once: a zone of a million records must not keep the others waiting
const RELIEVED_AFTER = 50; // ms that a batch may take before another lane opens beside it

/**
 * Publishes marked names as long as it runs: woken by hints, and by a poll behind them. Any number of publishers, in any number of
 * processes, share the work by row locks.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #held = new Map<string, number>();
  readonly #underWay = new Set<string>();
  readonly #lanes = new Set<Promise<void>>();
  readonly #cadence: Cadence;
  #unhint: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #relief: NodeJS.Timeout | undefined;
  #largeBatches = 0;
  #largeIsNext = false;
  #woken = false;
  #failing = false;
  #stopped = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#cadence = new Cadence({
      look: () => this.wake(),
      announce: (ms) => announceLooks(options.pool, ms),
    });
  }

  start(): void {
    this.#unhint = this.#options.hints.on('marks', () => {
      this.#cadence.hinted();
      this.wake();
    });
    this.wake();
    this.#poll();
  }

  /** Looks for marks now. */
  wake(): void {
    if (this.#stopped) return;
    this.#woken = true;
    if (this.#lanes.size === 0) this.#openLane();
    else if (this.#lanes.size < LANES) {
      this.#relief ??= setTimeout(() => {
        this.#relief = undefined;
        if (this.#woken && !this.#stopped) this.#openLane();
      }, RELIEVED_AFTER);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unhint?.();
    this.#cadence.stop();
    clearTimeout(this.#timer);
    clearTimeout(this.#relief);
    await Promise.all(this.#lanes);
  }

  #poll(): void {
    const pause = this.#held.size > 0 ? HELD_FOR : (this.#options.pollEvery ?? 500);
    this.#timer = setTimeout(() => {
      this.wake();
      this.#poll();
    }, pause);
  }

  #openLane(): void {
    const lane = this.#run().finally(() => this.#lanes.delete(lane));
    this.#lanes.add(lane);
  }

  async #run(): Promise<void> {
    try {
      while (this.#woken && !this.#stopped) {
        this.#woken = false;
        while (!this.#stopped && (await this.#publishBatch()));
      }
      this.#failing = false;
    } catch (error) {
      if (!this.#failing)
        this.#options.log.error(
          { error: messageOf(error) },
          'publishing failed; the marks stay and it is tried again until it succeeds',
        );
      this.#failing = true;
    }
  }

  /** One batch; false where no marked zone is left that could be had. */
  async #publishBatch(): Promise<boolean> {
    const { pool, clock, serialPolicy, policy = aliasPolicy(), batch = 500 } = this.#options;
    const now = clock.now();
    for (const [zoneId, until] of this.#held) if (until <= now) this.#held.delete(zoneId);
    const { zoneIds, areLarge } = this.#choose(
      await markedZones(pool, batch, [...this.#held.keys(), ...this.#underWay]),
    );
    if (zoneIds.length === 0) return false;
    this.#cadence.found();
    for (const zoneId of zoneIds) this.#underWay.add(zoneId);
    if (areLarge) this.#largeBatches++;
    let timeline: string | undefined;
    try {
      timeline = await this.#options.firstSerials?.before(zoneIds);
      const startedAt = clock.now();
      const publication = await publishMarked(pool, { serialPolicy, policy, now, zoneIds, timeline });
      this.#trace(publication, startedAt);
      await hastenTargets(pool, publication.followed);
      const locked = new Set(publication.locked);
      for (const zoneId of zoneIds) if (!locked.has(zoneId)) this.#held.set(zoneId, clock.now() + HELD_FOR);
      this.#report(publication);
    } catch (error) {
      if (this.#beginsAnew(error)) return true;
      if (zoneIds.length === 1) {
        this.#held.set(zoneIds[0] ?? '', clock.now() + 5_000);
        throw error;
      }
      await this.#publishOneByOne(zoneIds, error, timeline);
    } finally {
      for (const zoneId of zoneIds) this.#underWay.delete(zoneId);
      if (areLarge) this.#largeBatches--;
    }
    return true;
  }

  /** Small zones and large ones in turn; one lane at least is left to the small ones. */
  #choose(marked: MarkedZones): { zoneIds: string[]; areLarge: boolean } {
    const isFree = (zoneId: string) => !this.#underWay.has(zoneId);
    const small = marked.small.filter(isFree);
    const large = this.#largeBatches < LANES - 1 ? marked.large.filter(isFree) : [];
    const areLarge = large.length > 0 && (small.length === 0 || this.#largeIsNext);
    this.#largeIsNext = !areLarge;
    return { zoneIds: areLarge ? large : small, areLarge };
  }

  /** One zone that can't be published must not stop the others of its batch. */
  async #publishOneByOne(
    zoneIds: readonly string[],
    cause: unknown,
    timeline: string | undefined,
  ): Promise<void> {
    const { pool, clock, serialPolicy, policy = aliasPolicy(), log } = this.#options;
    log.warn(
      { error: messageOf(cause), zones: zoneIds.length },
      'a batch failed; its zones are published one by one',
    );
    for (const zoneId of zoneIds) {
      try {
        const startedAt = clock.now();
        const publication = await publishMarked(pool, {
          serialPolicy,
          policy,
          now: startedAt,
          zoneIds: [zoneId],
          timeline,
        });
        this.#trace(publication, startedAt);
        await hastenTargets(pool, publication.followed);
        if (publication.locked.length === 0) this.#held.set(zoneId, clock.now() + HELD_FOR);
        this.#report(publication);
      } catch (error) {
        if (this.#beginsAnew(error)) return;
        this.#held.set(zoneId, clock.now() + 5_000);
        log.error(
          { zoneId, error: messageOf(error) },
          'a zone could not be published; it is tried again in 5 s',
        );
      }
    }
  }

  /** Another PostgreSQL took over: what was not published is tried again when the secondaries were asked anew. */
  #beginsAnew(error: unknown): boolean {
    if (!(error instanceof OtherTimeline)) return false;
    this.#options.firstSerials?.sawTakeOver(error.timeline);
    return true;
  }

  #trace(publication: Publication, startedAt: number): void {
    const { tracing, clock } = this.#options;
    if (tracing === undefined) return;
    const endedAt = clock.now();
    for (const { name, from, serial, deleted, added, change } of publication.zones)
      tracing.record({
        name: 'publish',
        startedAt,
        endedAt,
        change,
        id: publicationSpan(change, name, serial),
        values: { zone: name, from, serial, deleted, added, together: publication.zones.length },
      });
  }

  #report(publication: Publication): void {
    const { log } = this.#options;
    for (const { name, from, serial, deleted, added, change, joined } of publication.zones) {
      log.info(
        {
          zone: name,
          from,
          serial,
          deleted,
          added,
          change: changeId(change),
          ...(joined.length > 0 && { joined }),
        },
        `${name} published, serial ${from ?? 'none'} -> ${serial}`,
      );
    }
    for (const { name, problem } of publication.setAside)
      log.warn({ zone: name }, `${name} is not publishable: ${problem}`);
  }
}
