/** The queue is emptied, restarted, evicting, slow or gone: on Redis, and on PostgreSQL. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, describe, test } from 'vitest';
import { redisInstalled, TestRedis } from '../support/redis.ts';
import { LONG } from './support/fault.ts';
import { onStage } from './support/on-stage.ts';

const PROCESSES = { serving: ['transfer', 'api'], working: ['worker', 'scheduler'] };
const TIMES = LONG ? 10 : 2;

describe('on Redis', () => {
  let redis: TestRedis;
  afterAll(() => redis?.stop());
  if (!redisInstalled) {
    test.skip('redis-server is not installed');
    return;
  }
  const scenario = onStage(async () => {
    redis ??= await TestRedis.start();
    return { processes: PROCESSES, secondaries: ['knot'], settings: { REDIS_URL: redis.url } };
  });

  scenario('Redis emptied', async ({ random }) => {
    for (let time = 0; time < TIMES * 3; time++) {
      await pause(random.whole(0, 1_000));
      await redis.command('flushall');
    }
    return TIMES * 3;
  });

  scenario('Redis restarted, empty', async ({ random }) => {
    for (let time = 0; time < TIMES; time++) {
      await pause(random.whole(0, 1_000));
      await redis.stop();
      await redis.start();
    }
    return TIMES;
  });

  scenario('Redis out of memory: it evicts whatever it likes, then refuses to write', async () => {
    for (const policy of ['allkeys-random', 'noeviction']) {
      await redis.command('config', 'set', 'maxmemory-policy', policy);
      await redis.command('config', 'set', 'maxmemory', '1500000');
      await pause(3_000);
      await redis.command('config', 'set', 'maxmemory', '0');
    }
    await redis.command('config', 'set', 'maxmemory-policy', 'noeviction');
    return 2;
  });

  scenario('Redis slow: paused clients, and standing still', async ({ random }) => {
    for (let time = 0; time < TIMES; time++) {
      await redis.command('client', 'pause', '2500', 'ALL');
      await pause(2_500);
      redis.signal('SIGSTOP');
      await pause(random.whole(1_000, 7_000));
      redis.signal('SIGCONT');
      await pause(300);
    }
    return TIMES * 2;
  });

  scenario('Redis gone for long', async () => {
    await redis.stop();
    await pause(LONG ? 120_000 : 12_000);
    await redis.start();
    return 1;
  });
});

describe('on PostgreSQL', () => {
  const scenario = onStage(async () => ({ processes: PROCESSES, secondaries: ['knot'] }));

  scenario('the schema of the queue dropped', async ({ random, postgres }) => {
    for (let time = 0; time < TIMES; time++) {
      await pause(random.whole(0, 1_000));
      await postgres.admin('drop schema bullmq cascade', 'zoneferry');
      await pause(random.whole(0, 8_000));
    }
    return TIMES;
  });

  scenario('the tables of the queue emptied, and locked', async ({ random, operator }) => {
    const { rows } = await operator.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'bullmq' and tablename not like '%migration%'`,
    );
    const tables = rows.map(({ name }) => name).join(', ');
    const client = await operator.connect();
    for (let time = 0; time < TIMES; time++) {
      await pause(random.whole(0, 1_000));
      await client.query('begin');
      await client.query({ text: `truncate ${tables}` });
      await pause(random.whole(0, 3_000));
      await client.query('commit');
    }
    client.release();
    return TIMES * 2;
  });
});
