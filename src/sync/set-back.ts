import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Pool } from '../store/pool.ts';
import { databaseTime } from '../store/resync.ts';
import { bringWaitsForward, hastenFarTargets, moveHoldsBack } from '../store/waits.ts';

/** Less than this, in milliseconds, is waited for: questions and answers take time too. */
const SET_BACK = 30_000;

/** One clock beside the steady one, which nobody sets. Milliseconds. */
class Watched {
  #before: { time: number; known: number } | undefined;
  #setBack = 0;

  /** By how much it was set back and nothing done about it; 0: it was not. `asked`: of the steady clock, before that time was asked for. */
  setBack(time: number, asked: number): number {
    const before = this.#before;
    this.#before = { time, known: performance.now() };
    if (before === undefined) return this.#setBack;
    // at least so much went by between the two times, however long they took to come
    const back = asked - before.known - (time - before.time);
    if (back > SET_BACK) this.#setBack += back;
    return this.#setBack;
  }

  isMended(): void {
    this.#setBack = 0;
  }
}

/** Sees that the database's clock, or our own, was set back, so that nothing waits for a time that is to come once more. */
export class SetBack {
  readonly #rooms: { pool: Pool; clock: Clock; log: Log };
  readonly #database = new Watched();
  readonly #own = new Watched();

  constructor(rooms: { pool: Pool; clock: Clock; log: Log }) {
    this.#rooms = rooms;
  }

  /**
   * To be called at every tick. What nobody saw, as no worker ran then, is mended too where a target waits longer than any ever does.
   *
   * @param farthest seconds from one look at a target to the next, at most
   */
  async look(farthest: number): Promise<void> {
    const { pool, clock, log } = this.#rooms;
    const asked = performance.now();
    const database = this.#database.setBack((await databaseTime(pool)).getTime(), asked) / 1_000;
    if (database > 0) {
      await bringWaitsForward(pool, database);
      this.#database.isMended();
      log.warn(
        { seconds: database },
        `PostgreSQL's clock was set back by ${Math.round(database)} s: what waited for it is brought forward`,
      );
    }
    const own = this.#own.setBack(clock.now(), performance.now()) / 1_000;
    if (own > 0) {
      await moveHoldsBack(pool, clock.now(), own);
      this.#own.isMended();
      log.warn({ seconds: own }, `the clock was set back by ${Math.round(own)} s: holds are measured anew`);
    }
    await hastenFarTargets(pool, farthest);
  }
}
