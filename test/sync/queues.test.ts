import { setTimeout as sleep } from 'node:timers/promises';
import { createPostgresBackend, Queue, UnrecoverableError } from 'bullmq';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Log, LogFields } from '../../src/log.ts';
import { KEEP_OTHERS_MS, sweepFinished } from '../../src/sync/queue/retention.ts';
import {
  openQueues,
  type Queues,
  type ResyncData,
  type ResyncProcessor,
  type ResyncResult,
} from '../../src/sync/queues.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { resultOf } from '../support/queue.ts';
import { freePort, redisInstalled, TestRedis } from '../support/redis.ts';

const RESULT: ResyncResult = {
  targets: 1,
  resolved: 1,
  failed: 0,
  held: 0,
  changedRecords: 2,
  changedZones: 1,
  notified: 4,
  ms: 5,
};

/** What the tests need of a backend beside `openQueues`. */
interface Ground {
  settings(): { databaseUrl: string; redisUrl?: string };
  /** A queue as some other program would open it. */
  foreignQueue(): Queue;
  /** Takes everything away from under the service. */
  wipe(): Promise<void>;
}

test.runIf(process.env.CI === 'true')('redis-server is installed on CI', () => {
  expect(redisInstalled).toBe(true);
});

describe('on PostgreSQL', () => {
  let database: FreshDatabase;
  beforeEach(async () => {
    database = await freshDatabase();
  });
  afterEach(() => database.drop());

  behaves({
    settings: () => ({ databaseUrl: database.url }),
    foreignQueue: () =>
      new Queue(
        'resync',
        { connection: { connectionString: database.url, schema: 'bullmq' } },
        createPostgresBackend,
      ) as unknown as Queue,
    // Who drops what is in use has to reckon with a deadlock, and drops again.
    wipe: () => vi.waitFor(() => execute(database.url, 'drop schema if exists bullmq cascade'), 10_000),
  });

  test('works for a role that may not make a schema, in one made for it, whatever options its URL has', async () => {
    const first = await openQueues({ databaseUrl: database.url, log: new Lines(), clock: systemClock });
    await first.close();
    const role = `worker_${process.pid}`;
    await execute(
      database.url,
      `create role ${role} login password 'x' in role pg_read_all_data, pg_write_all_data;
       grant all on schema bullmq to ${role};
       grant all on all tables in schema bullmq to ${role};
       grant all on all sequences in schema bullmq to ${role}`,
    );
    const url = new URL(database.url);
    [url.username, url.password] = [role, 'x'];
    url.searchParams.set('options', '-c search_path=pg_catalog');
    try {
      const queues = await openQueues({ databaseUrl: url.href, log: new Lines(), clock: systemClock });
      await queues.add({ reason: 'mine' });
      expect(await queues.queue.getWaitingCount()).toBe(1);
      await queues.close();
    } finally {
      await execute(database.url, `drop owned by ${role}; drop role ${role}`);
    }
  });

  test('a password that is wrong is no reason to wait', async () => {
    const url = new URL(database.url);
    url.password = 'wrong';
    await expect(openQueues({ databaseUrl: url.href, log: new Lines(), clock: systemClock })).rejects.toThrow(
      /^DATABASE_URL: the queue can't be opened there: password authentication failed/,
    );
  });
});

describe.runIf(redisInstalled || process.env.CI === 'true')('on Redis', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await TestRedis.start();
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    await redis.command('flushall');
  });

  behaves({
    settings: () => ({ databaseUrl: 'postgresql://127.0.0.1:1/none', redisUrl: redis.url }),
    foreignQueue: () => new Queue('resync', { connection: { url: redis.url }, prefix: 'zoneferry' }),
    wipe: async () => {
      await redis.command('flushall');
    },
  });

  test('a restart that lost everything: work goes on', async () => {
    const own = await TestRedis.start();
    const log = new Lines();
    const queues = await openQueues({ databaseUrl: '', redisUrl: own.url, log, clock: systemClock });
    const done: string[] = [];
    queues.work(async (_job, data) => {
      done.push(data.reason ?? '');
      return RESULT;
    });
    await queues.add({ reason: 'before' });
    await vi.waitFor(() => expect(done).toEqual(['before']), 5_000);
    await own.stop();
    await expect(queues.ping()).rejects.toThrow('did not answer');
    await own.start();
    await vi.waitFor(() => queues.add({ reason: 'after' }), 25_000);
    await vi.waitFor(() => expect(done).toContain('after'), 10_000);
    await queues.close();
    await own.stop();
  });

  test('closes in time while Redis is away', async () => {
    const own = await TestRedis.start();
    const queues = await openQueues({
      databaseUrl: '',
      redisUrl: own.url,
      log: new Lines(),
      clock: systemClock,
    });
    queues.work(async () => RESULT);
    await own.stop();
    const start = performance.now();
    await queues.close(500);
    expect(performance.now() - start).toBeLessThan(7_000);
  });
});

describe('a backend that is away at start', () => {
  test.runIf(redisInstalled)('Redis: the service waits, says so, and goes on', async () => {
    const redis = new TestRedis(await freePort());
    const log = new Lines();
    const opening = openQueues({ databaseUrl: '', redisUrl: redis.url, log, clock: systemClock });
    await vi.waitFor(
      () => expect(log.lines.join()).toMatch(/warn waiting for the queue: .*ECONNREFUSED/),
      5_000,
    );
    await redis.start();
    const queues = await opening;
    expect(log.lines.at(-1)).toBe('info the queue runs on Redis');
    await queues.close();
    await redis.stop();
  });

  test('the waiting ends with the signal', async () => {
    const port = await freePort();
    const stop = new AbortController();
    const opening = openQueues({
      databaseUrl: `postgresql://me@127.0.0.1:${port}/x`,
      log: new Lines(),
      clock: systemClock,
      signal: stop.signal,
    });
    setTimeout(() => stop.abort(), 300);
    await expect(opening).rejects.toThrow('aborted');
  });
});

function behaves(ground: Ground): void {
  const open: Queues[] = [];
  let log: Lines;

  beforeEach(() => {
    log = new Lines();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((queues) => queues.close(1_000)));
  });

  async function openOne(): Promise<Queues> {
    const queues = await openQueues({ ...ground.settings(), log, clock: systemClock });
    open.push(queues);
    return queues;
  }

  async function finish(queues: Queues, data: ResyncData): Promise<ResyncResult> {
    return (await resultOf(queues.queue, await queues.add(data), 10_000)) as ResyncResult;
  }

  test('a job is done once, with its data, progress and return value', async () => {
    const [one, two] = await Promise.all([openOne(), openOne()]);
    const seen: ResyncData[] = [];
    const processor: ResyncProcessor = async (job, data) => {
      seen.push(data);
      await job.updateProgress({ phase: 'look', done: 1, total: 2 });
      return RESULT;
    };
    one.work(processor);
    two.work(processor);
    const job = await two.add({ zones: ['example.com.'], reason: 'test' });
    expect(await resultOf(two.queue, job, 10_000)).toEqual(RESULT);
    expect(seen).toEqual([{ zones: ['example.com.'], reason: 'test' }]);
    expect((await two.queue.getJob(job.id ?? ''))?.progress).toEqual({ phase: 'look', done: 1, total: 2 });
  });

  test('of all processes that add for one tick one does, also after its job is done', async () => {
    const [one, two, three] = await Promise.all([openOne(), openOne(), openOne()]);
    let done = 0;
    one.work(async () => {
      done++;
      return RESULT;
    });
    const tick = new Date('2026-01-01T00:00:10Z');
    await Promise.all([one.addScheduled(tick), two.addScheduled(tick)]);
    await vi.waitFor(async () => expect(await one.queue.getCompletedCount()).toBe(1), 5_000);
    await three.addScheduled(tick);
    await three.addScheduled(new Date('2026-01-01T00:00:20Z'));
    await vi.waitFor(async () => expect(await one.queue.getCompletedCount()).toBe(2), 5_000);
    // the clock was set back: it is that time once more
    await Promise.all([one.addScheduled(tick, 1), two.addScheduled(tick, 1)]);
    await vi.waitFor(async () => expect(await one.queue.getCompletedCount()).toBe(3), 5_000);
    expect(done).toBe(3);
    const [job] = await one.queue.getCompleted();
    expect(job?.data).toEqual({ due: true, reason: 'schedule' });
  });

  test("a foreign client's job is done, and malformed ones fail at once with their reason", async () => {
    const queues = await openOne();
    queues.work(async () => RESULT);
    const foreign = ground.foreignQueue();
    const good = await foreign.add('resync', {}, { removeOnComplete: true });
    expect(await resultOf(queues.queue, good, 10_000)).toEqual(RESULT);
    expect(await queues.queue.getJobState(good.id ?? '')).toBe('completed');
    const cases: [string, unknown, RegExp][] = [
      ['resync', { zones: 'example.com.' }, /^zones: got "example.com.", takes a list of zone names$/],
      ['resync', { zones: [7] }, /^zones: got 7, takes zone names$/],
      ['resync', { force: 'yes' }, /^force: got "yes", takes true or false$/],
      ['resync', [], /^data: got \[\], takes an object/],
      ['refresh', {}, /^name: got "refresh", takes "resync"$/],
    ];
    for (const [name, data, reason] of cases) {
      const bad = await foreign.add(name, data, { attempts: 5, backoff: 60_000 });
      await expect(resultOf(queues.queue, bad, 10_000)).rejects.toThrow(reason);
    }
    await foreign.close();
  });

  test('the queue taken away: work goes on within 30 s, without a restart', { timeout: 40_000 }, async () => {
    const [worker, producer] = await Promise.all([openOne(), openOne()]);
    const done: string[] = [];
    worker.work(async (_job, data) => {
      done.push(data.reason ?? '');
      return RESULT;
    });
    await finish(producer, { reason: 'before' });
    await ground.wipe();
    await producer.add({ reason: 'after' });
    await vi.waitFor(() => expect(done).toContain('after'), 30_000);
    // Who follows events sees those after, too.
    expect(await finish(producer, { reason: 'later' })).toEqual(RESULT);
    // One error a call would be thousands of lines.
    expect(log.lines.filter((line) => line.startsWith('warn')).length).toBeLessThan(10);
  });

  test('a worker alone finds the queue taken away, and mends it for foreign clients', {
    timeout: 40_000,
  }, async () => {
    const worker = await openOne();
    const done: string[] = [];
    worker.work(async (_job, data) => {
      done.push(data.reason ?? '');
      return RESULT;
    });
    await worker.ping();
    await ground.wipe();
    await vi.waitFor(
      async () => {
        const foreign = ground.foreignQueue();
        foreign.on('error', () => undefined);
        try {
          await foreign.add('resync', { reason: 'foreign' });
        } finally {
          await foreign.close();
        }
      },
      { timeout: 30_000, interval: 500 },
    );
    await vi.waitFor(() => expect(done).toContain('foreign'), 30_000);
  });

  test('closing waits for the job under way', async () => {
    const queues = await openOne();
    let started = false;
    queues.work(async () => {
      started = true;
      await sleep(700);
      return RESULT;
    });
    const job = await queues.add({});
    await vi.waitFor(() => expect(started).toBe(true), 5_000);
    await queues.close(5_000);
    const other = await openOne();
    expect(await other.queue.getJobState(job.id ?? '')).toBe('completed');
  });

  test('a job that does not end by the deadline is aborted, and taken up by another worker', {
    timeout: 60_000,
  }, async () => {
    const queues = await openOne();
    let aborted = false;
    queues.work(
      async (_job, _data, signal) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        aborted = true;
        await sleep(20_000);
        return RESULT;
      },
      { lockMs: 2_000 },
    );
    const job = await queues.add({ reason: 'slow' });
    await vi.waitFor(async () => expect(await queues.queue.getJobState(job.id ?? '')).toBe('active'), 5_000);
    const start = performance.now();
    await queues.close(300);
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(aborted).toBe(true);
    const other = await openOne();
    expect(await other.queue.getJobState(job.id ?? '')).toBe('waiting');
    other.work(async () => RESULT, { lockMs: 2_000 });
    await vi.waitFor(
      async () => expect(await other.queue.getJobState(job.id ?? '')).toBe('completed'),
      40_000,
    );
  });

  test('the last 100 finished scheduled jobs are kept, and all others', { timeout: 150_000 }, async () => {
    const queues = await openOne();
    queues.work(
      async (_job, data) => {
        if (data.reason === 'fails') throw new UnrecoverableError('on purpose');
        return RESULT;
      },
      { concurrency: 20 },
    );
    await queues.add({ reason: 'mine' });
    await queues.add({ reason: 'fails' });
    const ticks = Array.from({ length: 130 }, (_, n) => `tick-${n}`);
    await Promise.all(ticks.map((tick) => queues.add({ due: true, reason: 'schedule' }, tick)));
    await vi.waitFor(
      async () => expect(await queues.queue.getJobCountByTypes('waiting', 'active')).toBe(0),
      60_000,
    );
    await vi.waitFor(async () => expect(await queues.queue.getCompletedCount()).toBe(101), 20_000);
    const reasons = (await queues.queue.getCompleted(0, 200)).map((job) => job.data.reason);
    expect(reasons.filter((reason) => reason === 'schedule')).toHaveLength(100);
    expect(reasons).toContain('mine');
    expect(await queues.queue.getFailedCount()).toBe(1);
  });

  test('ticks do not pile up, neither while no worker runs nor while a run takes longer than a tick', async () => {
    const queues = await openOne();
    const tick = (second: number) => queues.addScheduled(new Date(Date.UTC(2026, 0, 1, 0, 0, second)));
    for (let second = 0; second < 10; second++) await tick(second);
    expect(await queues.queue.getWaitingCount()).toBe(1);
    let free = () => {};
    const held = new Promise<void>((resolve) => {
      free = resolve;
    });
    queues.work(
      async () => {
        await held;
        return RESULT;
      },
      { concurrency: 20 },
    );
    for (let second = 10; second < 20; second++) {
      await tick(second);
      await vi.waitFor(async () => expect(await queues.queue.getWaitingCount()).toBe(0), 20_000);
    }
    expect(await queues.queue.getActiveCount()).toBe(2);
    free();
    await vi.waitFor(async () => expect(await queues.queue.getActiveCount()).toBe(0), 20_000);
    expect(await tick(30)).toBeDefined();
  });

  test('a job that waits is cancelled: it is gone', async () => {
    const queues = await openOne();
    const { id = '' } = await queues.add({ reason: 'mine' });
    expect(await queues.cancel(id, 'by hand')).toBe('removed');
    expect(await queues.queue.getJobState(id)).toBe('unknown');
    expect(await queues.cancel(id, 'by hand')).toBe('unknown');
  });

  test('a job under way in another process is cancelled: it stops, fails with who did it, and may run again', async () => {
    const [worker, other] = await Promise.all([openOne(), openOne()]);
    const signals: AbortSignal[] = [];
    worker.work(async (job, data, signal) => {
      signals.push(signal);
      await job.updateProgress({ phase: 'resolve', done: 3, total: 7 });
      if (signals.length === 1) await new Promise(() => {});
      return { ...RESULT, ms: data.zones?.length ?? 0 };
    });
    const job = await other.add({ zones: ['a.test.'] });
    const id = job.id ?? '';
    await vi.waitFor(async () => expect(await other.queue.getJobState(id)).toBe('active'), 10_000);
    await vi.waitFor(() => expect(signals).toHaveLength(1), 10_000);
    expect(await other.cancel(id, 'by hand')).toBe('stopped');
    expect(signals[0]?.aborted).toBe(true);
    const failed = await other.queue.getJob(id);
    expect(await failed?.getState()).toBe('failed');
    expect(failed?.failedReason).toBe(
      'cancelled by hand, in the phase resolve (3 of 7): what was found until then stays and is published',
    );
    expect(await other.cancel(id, 'by hand')).toBe('stopped');
    if (failed) await other.retry(failed, 'failed');
    await vi.waitFor(async () => expect(await other.queue.getJobState(id)).toBe('completed'), 10_000);
    expect((await other.queue.getJob(id))?.returnvalue.ms).toBe(1);
    expect(await other.cancel(id, 'by hand')).toBe('finished');
  });

  test('a cancelled job whose worker died is ended by the next one, before it begins', async () => {
    const queues = await openOne();
    const job = await queues.add({});
    await job.updateData({ ...job.data, cancelled: 'by hand' } as ResyncData);
    queues.work(async () => RESULT);
    await expect(resultOf(queues.queue, job, 10_000)).rejects.toThrow('cancelled by hand, before it began');
  });

  test('a job that fails is tried again with back-off, and fails in the end with its last reason in words', {
    timeout: 60_000,
  }, async () => {
    const queues = await openOne();
    let tries = 0;
    queues.work(async (_job, data) => {
      tries++;
      if (data.reason === 'mends' && tries === 2) return RESULT;
      throw Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });
    });
    const mends = await queues.add({ reason: 'mends' });
    expect(await resultOf(queues.queue, mends, 20_000)).toEqual(RESULT);
    expect(tries).toBe(2);
    tries = 0;
    const foreign = ground.foreignQueue();
    const never = await foreign.add('resync', {}, { attempts: 3, backoff: 100 });
    await expect(resultOf(queues.queue, never, 20_000)).rejects.toThrow(
      "PostgreSQL can't be reached (connect ECONNREFUSED 127.0.0.1:1): check DATABASE_URL",
    );
    expect(tries).toBe(3);
    await foreign.close();
  });

  test('other finished jobs are kept for 24 h, whoever added them', async () => {
    const queues = await openOne();
    queues.work(async () => RESULT);
    const foreign = ground.foreignQueue();
    await foreign.add('resync', { reason: 'foreign' });
    await finish(queues, { reason: 'mine' });
    await finish(queues, { due: true, reason: 'schedule' });
    await vi.waitFor(async () => expect(await queues.queue.getCompletedCount()).toBe(3), 5_000);
    const later = (ms: number) => ({ now: () => systemClock.now() + ms });
    await sweepFinished(foreign, later(KEEP_OTHERS_MS - 60_000));
    expect(await queues.queue.getCompletedCount()).toBe(3);
    await sweepFinished(foreign, later(KEEP_OTHERS_MS + 1));
    const left = await queues.queue.getCompleted();
    expect(left.map((job) => job.data.reason)).toEqual(['schedule']);
    await foreign.close();
  });
}

class Lines implements Log {
  readonly lines: string[] = [];
  debug(): void {}
  info(_fields: LogFields, message: string): void {
    this.lines.push(`info ${message}`);
  }
  warn(_fields: LogFields, message: string): void {
    this.lines.push(`warn ${message}`);
  }
  error(_fields: LogFields, message: string): void {
    this.lines.push(`error ${message}`);
  }
  child(): Log {
    return this;
  }
}

async function execute(url: string, statements: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statements);
  } finally {
    await client.end();
  }
}
