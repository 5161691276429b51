import { url } from '../parsers.ts';
import type { Setting } from './setting.ts';

/** Where the zones and the queue are. */
export const storeSettings = {
  databaseUrl: {
    name: 'DATABASE_URL',
    unit: 'URL',
    unset: 'a private PostgreSQL of its own under .zoneferry/ in the working directory',
    help: 'PostgreSQL 15 or later.',
    secret: true,
    ...url('postgresql://user:password@127.0.0.1:5432/zoneferry', 'postgres', 'postgresql'),
  },
  redisUrl: {
    name: 'REDIS_URL',
    unit: 'URL',
    unset: 'the queue lives in PostgreSQL',
    help: 'Redis 6.2+ or Valkey, for BullMQ on several machines.',
    secret: true,
    ...url('redis://127.0.0.1:6379', 'redis', 'rediss'),
  },
} as const satisfies Record<string, Setting<unknown>>;
