import pg from 'pg';
import { connectionSettings } from './pool.ts';

/** What a hint is about. A hint only saves waiting: the guarantee behind each is a table that its reader also polls. */
export type Channel =
  | 'marks'
  | 'versions'
  | 'zones'
  | 'outbox'
  | 'registry'
  | 'targets'
  | 'convergence'
  | 'questions'
  | 'answers';

/**
 * One connection that listens for hints. After a lost connection it connects again with back-off and then calls every listener once,
 * as hints may have been missed.
 */
export class Hints {
  readonly #url: string;
  readonly #onError: (error: Error) => void;
  readonly #listeners = new Map<Channel, Set<() => void>>();
  #client: pg.Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #delay = 100;
  #stopped = false;

  constructor(url: string, onError: (error: Error) => void) {
    this.#url = url;
    this.#onError = onError;
  }

  start(): void {
    void this.#connect();
  }

  /** Calls `listener` on every hint of that channel, until the returned function is called. */
  on(channel: Channel, listener: () => void): () => void {
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => {});
  }

  async #connect(): Promise<void> {
    const client = new pg.Client(connectionSettings(this.#url, 'zoneferry hints'));
    let lost = false;
    const lose = (error?: Error) => {
      if (lost) return;
      lost = true;
      if (this.#client === client) this.#client = undefined;
      client.end().catch(() => {});
      if (this.#stopped) return;
      if (error) this.#onError(error);
      this.#timer = setTimeout(() => void this.#connect(), this.#delay);
      this.#delay = Math.min(this.#delay * 2, 5_000);
    };
    client.on('error', lose);
    client.on('end', () => lose());
    client.on('notification', (message) => this.#call(message.channel.replace(/^zoneferry_/, '') as Channel));
    try {
      await client.connect();
      await client.query(
        'listen zoneferry_marks; listen zoneferry_versions; listen zoneferry_zones; listen zoneferry_outbox; listen zoneferry_registry; listen zoneferry_targets; listen zoneferry_convergence; listen zoneferry_questions; listen zoneferry_answers',
      );
    } catch (error) {
      lose(error as Error);
      return;
    }
    if (this.#stopped) {
      await client.end().catch(() => {});
      return;
    }
    this.#client = client;
    this.#delay = 100;
    for (const channel of this.#listeners.keys()) this.#call(channel);
  }

  #call(channel: Channel): void {
    for (const listener of this.#listeners.get(channel) ?? []) listener();
  }
}
