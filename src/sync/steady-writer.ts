import type { Pool } from '../store/pool.ts';
import { type SteadyLook, writeSteady } from '../store/steady.ts';

/** Milliseconds in which looks are gathered while nothing is being written, and how many are written at once. */
const GATHER = 5;
const BATCH = 1_000;

interface Waiting {
  look: SteadyLook;
  resolve(isWritten: boolean): void;
}

/** Writes looks that changed nothing, many at once. */
export class SteadyWriter {
  readonly #pool: Pool;
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Whether it is written; if not, the look is to be decided on like any other. */
  write(look: SteadyLook): Promise<boolean> {
    return new Promise((resolve) => {
      this.#waiting.push({ look, resolve });
      if (this.#writing === undefined) this.#timer ??= setTimeout(() => this.#flush(), GATHER);
    });
  }

  #flush(): void {
    this.#timer = undefined;
    this.#writing = this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH);
      const looks = batch.map(({ look }) => look);
      // the road that every other look takes has the patience and the words for a database that is away
      const written = await writeSteady(this.#pool, looks).catch(() => new Set<string>());
      for (const { look, resolve } of batch) resolve(written.has(look.name));
    }
  }
}
