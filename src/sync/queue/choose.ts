import { type BackendFactory, createPostgresBackend, type RedisQueueBackend } from 'bullmq';
import type { Backend } from './backend.ts';
import { openPostgres } from './postgres.ts';
import { openRedis } from './redis.ts';

/** Chooses: Redis or Valkey where a URL of it is given, else the database itself. */
export function openBackend(databaseUrl: string, redisUrl: string | undefined): Backend {
  return redisUrl === undefined
    ? {
        ...openPostgres(databaseUrl),
        factory: createPostgresBackend as unknown as BackendFactory<RedisQueueBackend>,
      }
    : openRedis(redisUrl);
}
