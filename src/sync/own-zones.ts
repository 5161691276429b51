import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Hints } from '../store/hints.ts';
import { zoneNamesAfter } from '../store/in-zone/entering.ts';
import type { Pool } from '../store/pool.ts';
import { namesAbove } from '../zone/in-zone/names.ts';

const NEW_AFTER = 10; // ms from a hint until new names are read
const ALL_AFTER = 1_000; // ms until all are: of those that went nobody is in a hurry
const ALL_EVERY = 60_000; // ms, should a hint be lost

/**
 * The names of our zones, in memory: tells at no cost that a name is not ours. It may be a moment old; who is told that a name may be ours
 * asks the database.
 */
export class OwnZones {
  readonly #pool: Pool;
  readonly #log: Log | undefined;
  #names = new Set<string>();
  #newest = '0';
  #reading: Promise<void> = Promise.resolve();
  #new: NodeJS.Timeout | undefined;
  #all: NodeJS.Timeout | undefined;
  #soon = false;
  #off: (() => void) | undefined;

  constructor(pool: Pool, log?: Log) {
    this.#pool = pool;
    this.#log = log;
  }

  /** Reads the names once. */
  read(): Promise<void> {
    return this.#read('all');
  }

  /** Reads the names, and keeps them in step. */
  async start(hints: Hints): Promise<void> {
    this.#off = hints.on('zones', () => {
      this.#new ??= setTimeout(() => {
        this.#new = undefined;
        this.#read('new');
      }, NEW_AFTER).unref();
      this.#readAllIn(ALL_AFTER);
    });
    await this.read();
    this.#readAllIn(ALL_EVERY);
  }

  /** Whether a name, as canonical text, is a zone of ours or below one. */
  mayBeOurs(name: string): boolean {
    return this.#names.has(name) || namesAbove(name).some((above) => this.#names.has(above));
  }

  async stop(): Promise<void> {
    this.#off?.();
    clearTimeout(this.#new);
    clearTimeout(this.#all);
    await this.#reading;
  }

  /** A later time that was meant before gives way to an earlier one. */
  #readAllIn(ms: number): void {
    if (ms === ALL_AFTER && this.#soon) return;
    clearTimeout(this.#all);
    this.#soon = ms === ALL_AFTER;
    this.#all = setTimeout(() => {
      this.#soon = false;
      this.#readAllIn(ALL_EVERY);
      this.#read('all');
    }, ms).unref();
  }

  /** One after the other. */
  #read(which: 'new' | 'all'): Promise<void> {
    this.#reading = this.#reading.then(() => this.#readNow(which));
    return this.#reading;
  }

  async #readNow(which: 'new' | 'all'): Promise<void> {
    try {
      const { names, newest } = await zoneNamesAfter(this.#pool, which === 'all' ? '0' : this.#newest);
      if (which === 'all') this.#names = new Set(names);
      else for (const name of names) this.#names.add(name);
      this.#newest = newest;
    } catch (error) {
      this.#log?.debug({ error: messageOf(error) }, 'the names of zones can not be read now');
      if (this.#off) this.#readAllIn(ALL_AFTER);
    }
  }
}
