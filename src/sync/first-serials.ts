import { setTimeout as pause } from 'node:timers/promises';
import { askForSerials, endSerialQuestions, waitingForSerials } from '../store/ledger/questions.ts';
import type { Pool } from '../store/pool.ts';

/** Milliseconds that a zone's first new serial waits at most. */
const LONGEST = 2_000;
/** Milliseconds after the start in which who sends to secondaries may still be starting. */
const STARTING = 5_000;
/** Zones remembered as asked; of more the oldest are asked again, unless they were seen meanwhile. */
const MOST_REMEMBERED = 200_000;

/**
 * Lets the secondaries of a zone be asked for their serial before its first new one after a start: a database that was restored doesn't know what it
 * had told them, and would publish a serial once more, for other contents.
 */
export class FirstSerials {
  readonly #pool: Pool;
  readonly #since: Date;
  readonly #now: () => number;
  readonly #asked = new Set<string>();

  /** @param now the time in milliseconds, of the database's clock or near it */
  constructor(pool: Pool, now: () => number) {
    this.#pool = pool;
    this.#now = now;
    this.#since = new Date(now());
  }

  /** Returns when all who answer have answered, or after two seconds. */
  async before(zoneIds: readonly string[]): Promise<void> {
    const fresh = zoneIds.filter((zoneId) => !this.#asked.has(zoneId));
    if (fresh.length === 0) return;
    const { asked, published } = await askForSerials(this.#pool, fresh, this.#since);
    if (asked.length > 0) await this.#wait(asked);
    this.#remember(published);
  }

  async #wait(zoneIds: readonly string[]): Promise<void> {
    const begun = this.#now();
    for (let wait = 3; ; wait = Math.min(wait * 2, 50)) {
      const { waiting, isAsker } = await waitingForSerials(this.#pool, zoneIds);
      if (!waiting) return;
      const now = this.#now();
      const isStarting = now - this.#since.getTime() < STARTING;
      if (now - begun >= LONGEST || now < begun || !(isAsker || isStarting)) break;
      await pause(wait);
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
