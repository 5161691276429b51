import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Pool } from '../store/pool.ts';
import { addRefusals, type RefusedRequests } from '../store/refusals.ts';
import type { RefusedEvent } from '../transfer/events.ts';
import { registeredAt } from '../transfer/registered.ts';
import type { Registry } from '../transfer/source.ts';

const EVERY = 2_000; // ms between two writes
const MOST = 200; // kinds of refusals gathered in between; what is more is in the log alone

/** What an operator can do something about; noise is left to the log. */
const WORTH_KEEPING: ReadonlySet<string> = new Set([
  'bad-key',
  'bad-signature',
  'bad-time',
  'bad-truncation',
  'unknown-address',
  'key-expected',
  'key-not-theirs',
  'zone-not-allowed',
  'unknown-zone',
  'unpublished',
  'busy',
]);

/** Takes note of who was refused, so that `status` can say what is missing. */
export class RefusalLog {
  readonly #pool: Pool;
  readonly #registry: Registry;
  readonly #log: Log;
  #rows = new Map<string, RefusedRequests>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  constructor(options: { pool: Pool; registry: Registry; log: Log }) {
    this.#pool = options.pool;
    this.#registry = options.registry;
    this.#log = options.log;
  }

  add({ address, key = '', zone = '', asked = '', reason, detail, at }: RefusedEvent): void {
    if (!WORTH_KEEPING.has(reason)) return;
    const of = `${address} ${key} ${zone} ${reason}`;
    const known = this.#rows.get(of);
    if (known !== undefined) {
      known.count++;
      known.lastAt = at;
      return;
    }
    if (this.#rows.size >= MOST) return;
    const registered = registeredAt(this.#registry.registrations(), address).length > 0;
    this.#rows.set(of, {
      address,
      key,
      zone,
      reason,
      asked,
      registered,
      detail,
      count: 1,
      firstAt: at,
      lastAt: at,
    });
    this.#timer ??= setTimeout(() => void this.#write(), EVERY).unref();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    await this.#write();
  }

  #write(): Promise<void> {
    this.#timer = undefined;
    const rows = [...this.#rows.values()];
    this.#rows = new Map();
    this.#writing = addRefusals(this.#pool, rows).catch((error: unknown) =>
      this.#log.debug({ error: messageOf(error) }, 'refusals could not be written; they are in the log'),
    );
    return this.#writing;
  }
}
