import type { Hints } from '../store/hints.ts';
import { askForSerials, endSerialQuestions, waitingForSerials } from '../store/ledger/questions.ts';
import type { Pool } from '../store/pool.ts';

/** Milliseconds that a zone's first new serial waits at most. */
const LONGEST = 2_000;
/** Milliseconds after the start in which who sends to secondaries may still be starting. */
const STARTING = 5_000;
/** Milliseconds between two looks at the questions, should the hint of an answer be lost. */
const POLL = 50;
/** Zones remembered as asked; of more the oldest are asked again, unless they were seen meanwhile. */
const MOST_REMEMBERED = 200_000;

/**
 * Lets the secondaries of a zone be asked for their serial before its first new one after a start: a database that was restored doesn't know what it
 * had told them, and would publish a serial once more, for other contents. So would a server that took over without the last commits of the one before.
 */
export class FirstSerials {
  readonly #pool: Pool;
  readonly #hints: Pick<Hints, 'on'>;
  #since: Date;
  readonly #now: () => number;
  readonly #asked = new Set<string>();
  /** On which those were asked. */
  #timeline: string | undefined;

  /** @param now the time in milliseconds, of the database's clock or near it */
  constructor(pool: Pool, hints: Pick<Hints, 'on'>, now: () => number) {
    this.#pool = pool;
    this.#hints = hints;
    this.#now = now;
    this.#since = new Date(now());
  }

  /**
   * Returns when all who answer have answered, or after two seconds. Gives PostgreSQL's timeline on which they were asked, where it is known:
   * what is published has to be on the same.
   */
  async before(zoneIds: readonly string[]): Promise<string | undefined> {
    const fresh = zoneIds.filter((zoneId) => !this.#asked.has(zoneId));
    if (fresh.length === 0) return this.#timeline;
    // heard from before the question on: an answer may be there before the question's own statement has returned
    const bell = new Bell();
    const forget = this.#hints.on('answers', () => bell.ring());
    try {
      const { asked, published, timeline } = await askForSerials(this.#pool, fresh, this.#since);
      if (timeline !== undefined && this.sawTakeOver(timeline)) return this.before(zoneIds);
      if (asked.length > 0) await this.#wait(asked, bell);
      if (timeline !== undefined && timeline !== this.#timeline) return this.before(zoneIds);
      this.#remember(published);
      return this.#timeline;
    } finally {
      forget();
    }
  }

  /** To be told of PostgreSQL's timeline. Whether it is another one than was asked on: then all are asked anew, as its server may lack what they took. */
  sawTakeOver(timeline: string): boolean {
    const isOther = this.#timeline !== undefined && this.#timeline !== timeline;
    this.#timeline = timeline;
    if (!isOther) return false;
    this.#asked.clear();
    this.#since = new Date(this.#now());
    return true;
  }

  async #wait(zoneIds: readonly string[], bell: Bell): Promise<void> {
    const begun = this.#now();
    for (;;) {
      const { waiting, isAsker } = await waitingForSerials(this.#pool, zoneIds);
      if (!waiting) return;
      const now = this.#now();
      const isStarting = now - this.#since.getTime() < STARTING;
      if (now - begun >= LONGEST || now < begun || !(isAsker || isStarting)) break;
      await bell.rung(POLL);
    }
    await endSerialQuestions(this.#pool, zoneIds);
  }

  #remember(zoneIds: readonly string[]): void {
    for (const zoneId of zoneIds) this.#asked.add(zoneId);
    for (const oldest of this.#asked) {
      if (this.#asked.size <= MOST_REMEMBERED) return;
      this.#asked.delete(oldest);
    }
  }
}

/** Rung while nobody waits, it ends the next wait at once. */
class Bell {
  #isRung = false;
  #wake: () => void = () => {};

  ring(): void {
    this.#isRung = true;
    this.#wake();
  }

  /** Returns when it was rung since the last wait, or after `ms`. */
  async rung(ms: number): Promise<void> {
    if (!this.#isRung) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, ms);
      this.#wake = resolve;
      await promise;
      clearTimeout(timer);
    }
    this.#isRung = false;
  }
}
