import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { type FinishedLook, type WrittenLook, writeLooks } from '../store/looks.ts';
import type { Pool } from '../store/pool.ts';
import { type GuardPolicy, guardSentence } from '../zone/guard.ts';

/** Milliseconds in which looks are gathered for one transaction while none is under way, and how many at most. */
const GATHER = 5;
const BATCH = 1_000;
/** Milliseconds until a look that could not be written is tried again, and for how long it is. */
const AGAIN_AFTER = 100;
const GIVE_UP_AFTER = 30_000;
/** Milliseconds until it is said again that a guard holds. */
const SAID_FOR = 60_000;

/** `unsure`: a guard wants to hear another resolver first; undefined: the target is followed no more. */
export type Written = WrittenLook | 'unsure' | undefined;

interface Waiting {
  look: FinishedLook;
  since: number;
  resolve(written: Written): void;
  reject(error: unknown): void;
}

/**
 * Writes looks, many to a transaction. A target whose row somebody holds is tried again beside the others; so is everything while
 * PostgreSQL is away for a moment.
 */
export class LookWriter {
  readonly #pool: Pool;
  readonly #log: Log;
  readonly #guards: GuardPolicy | undefined;
  readonly #said = new Map<string, number>();
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  /** Those that are tried again in a moment. */
  readonly #later = new Map<Waiting, NodeJS.Timeout>();
  #failing = false;
  #stopping = false;

  constructor(pool: Pool, log: Log, guards: GuardPolicy | undefined) {
    this.#pool = pool;
    this.#log = log;
    this.#guards = guards;
  }

  /** Gives what was decided when it was written. */
  write(look: FinishedLook): Promise<Written> {
    return new Promise((resolve, reject) => this.#add({ look, since: performance.now(), resolve, reject }));
  }

  /** Waits for what is being written; what can't be written now is given up. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const [waiting, timer] of this.#later) {
      clearTimeout(timer);
      this.#waiting.push(waiting);
    }
    this.#later.clear();
    this.#flush();
    await this.#writing;
  }

  /** While a batch is being written the next one grows. */
  #add(waiting: Waiting): void {
    this.#waiting.push(waiting);
    if (this.#writing) return;
    if (this.#stopping || this.#waiting.length >= BATCH) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), GATHER);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) await this.#writeBatch(this.#waiting.splice(0, BATCH));
  }

  async #writeBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      const { written, busy, unsure } = await writeLooks(
        this.#pool,
        batch.map(({ look }) => look),
        this.#guards,
      );
      this.#failing = false;
      for (const waiting of batch) {
        if (busy.has(waiting.look.name)) this.#tryAgain(waiting, new Error('its row is held by somebody'));
        else waiting.resolve(unsure.has(waiting.look.name) ? 'unsure' : written.get(waiting.look.name));
      }
      this.#sayHeld([...written.values()]);
    } catch (error) {
      if (!this.#failing)
        this.#log.error({ error: messageOf(error) }, 'looks can not be written now; it is tried again');
      this.#failing = true;
      for (const waiting of batch) this.#tryAgain(waiting, error);
    }
  }

  #sayHeld(written: readonly WrittenLook[]): void {
    for (const guard of ['empty', 'change'] as const) {
      const held = written.findLast(({ heldBy }) => heldBy?.guard === guard)?.heldBy;
      const now = performance.now();
      if (!held || now - (this.#said.get(guard) ?? Number.NEGATIVE_INFINITY) < SAID_FOR) continue;
      this.#said.set(guard, now);
      this.#log.error({ ...held }, `${guardSentence(held)}; what is published stays`);
    }
  }

  #tryAgain(waiting: Waiting, error: unknown): void {
    if (this.#stopping || performance.now() - waiting.since > GIVE_UP_AFTER) waiting.reject(error);
    else
      this.#later.set(
        waiting,
        setTimeout(() => this.#again(waiting), AGAIN_AFTER),
      );
  }

  #again(waiting: Waiting): void {
    this.#later.delete(waiting);
    this.#add(waiting);
  }
}
