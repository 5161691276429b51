import type { BackendFactory, ConnectionOptions, RedisQueueBackend } from 'bullmq';

/** Where BullMQ keeps the queue. All that differs between PostgreSQL and Redis is behind this. */
export interface Backend {
  readonly kind: 'postgresql' | 'redis';
  /** What every Queue and Worker is made with. */
  readonly options: { readonly connection: ConnectionOptions; readonly prefix?: string };
  /** Typed as BullMQ's default one, so that no one above has to know which it is. */
  readonly factory: BackendFactory<RedisQueueBackend>;
  /**
   * Makes the backend fit for work: reaches it and, on PostgreSQL, sees to its schema.
   *
   * @returns whether something had to be made
   * @throws what stands in the way; `isAway` tells whether waiting may help
   */
  mend(): Promise<boolean>;
  isAway(error: unknown): boolean;
  /** A connection lost from now on stays lost, so that closing does not wait for a server that is away. */
  giveUp(): void;
}
