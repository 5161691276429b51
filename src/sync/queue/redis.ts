import { createRedisBackend } from 'bullmq';
import { Redis } from 'ioredis';
import { UserError } from '../../errors.ts';
import type { Backend } from './backend.ts';

const PREFIX = 'zoneferry';
const CONNECT_TIMEOUT_MS = 5_000;
const OLDEST = [6, 2];

/** BullMQ on Redis or Valkey, under the prefix `zoneferry`. */
export function openRedis(redisUrl: string): Backend {
  let givenUp = false;
  return {
    kind: 'redis',
    factory: createRedisBackend,
    options: {
      prefix: PREFIX,
      // Null: commands wait for the connection to come back; who can't wait has a deadline of their own.
      connection: {
        url: redisUrl,
        maxRetriesPerRequest: null,
        connectTimeout: CONNECT_TIMEOUT_MS,
        retryStrategy: (times: number) => (givenUp ? null : retryAfter(times)),
      },
    },
    async mend() {
      await greet(redisUrl);
      return false;
    },
    isAway,
    giveUp() {
      givenUp = true;
    },
  };
}

/** Never slower than 2 s: work has to go on soon after Redis is back. */
function retryAfter(times: number): number {
  return Math.min(times * 200, 2_000);
}

async function greet(redisUrl: string): Promise<void> {
  await withClient(redisUrl, async (client) => {
    const version = /redis_version:(\d+)\.(\d+)/.exec(await client.info('server'));
    const [major, minor] = [Number(version?.[1]), Number(version?.[2])];
    if (major < OLDEST[0]! || (major === OLDEST[0] && minor < OLDEST[1]!)) {
      throw new UserError(
        `REDIS_URL: got Redis ${major}.${minor}, takes ${OLDEST.join('.')} or later, or Valkey`,
      );
    }
  });
}

/** What Redis does when its memory is full (`maxmemory-policy`); undefined where it does not say. */
export async function redisEviction(redisUrl: string): Promise<string | undefined> {
  return withClient(
    redisUrl,
    async (client) => /maxmemory_policy:(\S+)/.exec(await client.info('memory'))?.[1],
  );
}

async function withClient<T>(redisUrl: string, work: (client: Redis) => Promise<T>): Promise<T> {
  let problem: unknown;
  const client = new Redis(redisUrl, {
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  // The driver reports why as an event, and rejects with "Connection is closed" alone.
  client.on('error', (error: unknown) => {
    problem = error;
  });
  try {
    await client.connect();
    return await work(client);
  } catch (error) {
    throw problem ?? error;
  } finally {
    client.disconnect();
  }
}

function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return (
    /^E[A-Z_]+$/.test(code) || /^(LOADING|BUSY|MASTERDOWN|TRYAGAIN)|closed|timed? ?out/i.test(error.message)
  );
}
