import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Client, Pool } from '../store/pool.ts';
import {
  HEARTBEAT_EVERY_MS,
  type QueuePlace,
  registerProcess,
  unregisterProcess,
} from '../store/processes.ts';
import { VERSION } from '../version.ts';
import type { SchemaWatch } from './schema-watch.ts';

/** Keeps this process in the list of those at work, and sees at each heartbeat whether the database went ahead of it. */
export class Presence {
  readonly #id = `${hostname()}/${process.pid}/${randomBytes(4).toString('hex')}`;
  readonly #pool: Pool;
  readonly #queue: QueuePlace;
  readonly #watch: SchemaWatch;
  readonly #log: Log;
  #roles: readonly string[] = [];
  #unknownSteps: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> = Promise.resolve();

  constructor(pool: Pool, queue: QueuePlace, watch: SchemaWatch, log: Log) {
    this.#pool = pool;
    this.#queue = queue;
    this.#watch = watch;
    this.#log = log;
  }

  /** Puts it in the list, without a role as yet. */
  async join(client: Client): Promise<void> {
    await this.#register(client);
    this.#timer ??= setInterval(() => {
      this.#beating = this.#beat().catch((error) =>
        this.#log.debug({ error: messageOf(error) }, 'the heartbeat was not written; the next one follows'),
      );
    }, HEARTBEAT_EVERY_MS).unref();
  }

  /** Says which roles it has from now on; none: it stops. */
  async has(roles: readonly string[]): Promise<void> {
    await this.#beating;
    this.#roles = roles;
    await this.#register(this.#pool);
  }

  /** Takes it out of the list. */
  async leave(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
    if (this.#timer) await unregisterProcess(this.#pool, this.#id).catch(() => {});
  }

  async #beat(): Promise<void> {
    // first, and whatever comes of the row: that step may have changed the table of processes
    this.#unknownSteps = await this.#watch.look();
    await this.#register(this.#pool);
  }

  async #register(db: Pool | Client): Promise<void> {
    await registerProcess(db, {
      id: this.#id,
      roles: [...this.#roles],
      queue: this.#queue,
      version: VERSION,
      unknownSteps: this.#unknownSteps,
    });
  }
}
