import type { Pool } from '../store/pool.ts';
import { makeTakenDue } from '../store/taken.ts';

/** Milliseconds between two tries to write. */
const AGAIN = 1_000;
/** What is beyond comes back when its lease runs out. */
const MOST = 100_000;

/**
 * Targets and packs that were taken, and of which what came could not be written: they are made due again as soon as the database answers, and
 * don't wait for their lease to run out.
 */
export class GiveBack {
  readonly #pool: Pool;
  #targets = new Set<string>();
  #packs = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #stopped = false;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  target(name: string): void {
    if (this.#targets.size < MOST) this.#targets.add(name);
    this.#later();
  }

  /** `looks`: its count as it was taken; a pack that somebody has written since is left alone. */
  pack({ id, looks }: { id: string; looks: number }): void {
    if (this.#packs.size < MOST) this.#packs.set(id, looks);
    this.#later();
  }

  /** Tries once more, and ends. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#writing;
    await this.#write();
  }

  #later(): void {
    if (this.#timer !== undefined || this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#writing = this.#write().finally(() => {
        this.#timer = undefined;
        if (this.#targets.size + this.#packs.size > 0) this.#later();
      });
    }, AGAIN).unref();
  }

  async #write(): Promise<void> {
    const [targets, packs] = [this.#targets, this.#packs];
    if (targets.size + packs.size === 0) return;
    this.#targets = new Set();
    this.#packs = new Map();
    try {
      await makeTakenDue(this.#pool, [...targets], [...packs]);
    } catch {
      // the database is away: that is why they are here
      for (const name of targets) this.#targets.add(name);
      for (const [id, looks] of packs) this.#packs.set(id, looks);
    }
  }
}
