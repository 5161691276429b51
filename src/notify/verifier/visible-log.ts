import type { Clock } from '../../clock.ts';
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { BOUNDS, type Visible } from '../../store/ledger/visible.ts';

const EVERY = 1_000;
const MINUTE = 60_000;
/** Minutes of secondaries kept while the database can't be written; what is more is not counted. */
const MOST = 10_000;

/** Counts how long changes took until they were seen, and writes the counts each second. */
export class VisibleLog {
  readonly #write: (rows: readonly Visible[]) => Promise<void>;
  readonly #clock: Clock;
  readonly #log: Log | undefined;
  #rows = new Map<string, Visible>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  constructor(options: { write(rows: readonly Visible[]): Promise<void>; clock: Clock; log?: Log }) {
    this.#write = options.write;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** @param ms from the commit until it was seen */
  add(secondaryId: string, ms: number): void {
    const minute = Math.floor(this.#clock.now() / MINUTE) * MINUTE;
    const key = `${secondaryId} ${minute}`;
    const counts = new Array<number>(BOUNDS.length + 1).fill(0);
    const row = this.#rows.get(key) ?? { secondaryId, minute, counts, count: 0, sumMs: 0, maxMs: 0 };
    if (row.count === 0 && this.#rows.size >= MOST) return;
    this.#rows.set(key, row);
    const bucket = BOUNDS.findIndex((bound) => ms <= bound);
    row.counts[bucket < 0 ? BOUNDS.length : bucket]!++;
    row.count++;
    row.sumMs += ms;
    row.maxMs = Math.max(row.maxMs, ms);
    this.#timer ??= setTimeout(() => void this.#flush(), EVERY).unref();
  }

  async stop(): Promise<void> {
    await this.#writing;
    await this.#flush();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
      if (this.#rows.size > 0) this.#timer ??= setTimeout(() => void this.#flush(), EVERY).unref();
    });
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    const rows = this.#rows;
    this.#rows = new Map();
    try {
      await this.#write([...rows.values()]);
    } catch (error) {
      this.#log?.debug({ error: messageOf(error) }, 'change to visible could not be written; tried again');
      // what came meanwhile is of a key of its own or is let go: these are measures
      for (const [key, row] of rows) if (!this.#rows.has(key)) this.#rows.set(key, row);
    }
  }
}
