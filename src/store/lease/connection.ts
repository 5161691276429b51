import pg from 'pg';
import { connectionSettings } from '../pool.ts';

/**
 * One connection to PostgreSQL, made when it is needed, whose every statement has a deadline. A statement that misses it costs the
 * connection, so that a late reply is never taken for one in time.
 */
export class LeaseConnection {
  readonly #url: string;
  readonly #onLost: () => void;
  #client: pg.Client | undefined;
  #connecting: Promise<unknown> | undefined;

  /** `onLost` is called when an open connection is gone, whoever ended it. */
  constructor(url: string, onLost: () => void) {
    this.#url = url;
    this.#onLost = onLost;
  }

  /**
   * Runs one statement; `deadline` in milliseconds of `performance.now()`, for connecting too.
   *
   * @throws the driver's error, or one that says that the time ran out
   */
  query<Row extends pg.QueryResultRow>(statement: pg.QueryConfig, deadline: number): Promise<Row[]> {
    return this.#within(deadline, async (client) => (await client.query<Row>(statement)).rows);
  }

  /** Connects, where that was not done yet. */
  open(deadline: number): Promise<void> {
    return this.#within(deadline, async () => {});
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => {});
  }

  async #within<T>(deadline: number, work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = this.#client ?? this.#make();
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => {
        reject(new Error('PostgreSQL did not answer in time'));
        this.#drop(client);
      },
      Math.max(0, deadline - performance.now()),
    );
    try {
      return await Promise.race([this.#connected(client).then(work), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #connected(client: pg.Client): Promise<pg.Client> {
    try {
      await this.#connecting;
    } catch (error) {
      this.#drop(client);
      throw error;
    }
    return client;
  }

  #make(): pg.Client {
    const settings = connectionSettings(this.#url, 'zoneferry lease');
    const client = new pg.Client({
      ...settings,
      // a crash of PostgreSQL that loses a lease ends this connection too, and with it the lease in the process's own eyes
      options: `${settings.options} -c synchronous_commit=off`,
    });
    client.on('error', () => this.#drop(client));
    client.on('end', () => this.#drop(client));
    const connected = client.connect();
    connected.catch(() => {});
    this.#connecting = connected;
    this.#client = client;
    return client;
  }

  #drop(client: pg.Client): void {
    client.end().catch(() => {});
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#onLost();
  }
}
