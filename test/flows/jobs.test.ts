import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { openQueues, type Queues } from '../../src/sync/queues.ts';
import { openHouse } from '../support/house.ts';
import { redisInstalled, TestRedis } from '../support/redis.ts';
import { type Service, startService } from '../support/service.ts';
import { addRecord, addZone, type TestStore, testStore } from '../support/store.ts';
import { until } from '../support/until.ts';
import { Upstream } from '../support/upstream.ts';

const closes: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close();
});

/** Worker processes on one database and queue, whose upstream keeps silent: a job that they take stays under way. */
async function stage(redis: boolean) {
  const store: TestStore = await testStore();
  closes.push(() => store.close());
  const upstream = await Upstream.start();
  closes.push(() => upstream.close());
  const settings: Record<string, string> = {
    RESYNC_CRON: '0 0 0 1 1 *',
    RESOLVE_TIMEOUT_MS: '60000',
    RESOLVE_TRIES: '1',
  };
  if (redis) {
    const server = await TestRedis.start();
    closes.push(() => server.stop());
    settings.REDIS_URL = server.url;
  }
  upstream.set('cdn.example.net.', { A: ['198.51.100.1'], AAAA: ['2001:db8::1'], ttl: 300 });
  const worker = async (): Promise<Service> => {
    const service = await startService({ databaseUrl: store.url, resolver: upstream.endpoint, settings });
    closes.push(() => service.stop());
    return service;
  };
  const queues: Queues = await openQueues({
    databaseUrl: store.url,
    ...(settings.REDIS_URL === undefined ? {} : { redisUrl: settings.REDIS_URL }),
    log: silentLog,
    clock: systemClock,
  });
  closes.push(() => queues.close());
  const zoneId = await addZone(store, 'a.test.');
  await addRecord(store, zoneId, 'a.test.', 'ALIAS', 'cdn.example.net.');
  const begun = async () => {
    await until('the target is known', async () => {
      const { rowCount } = await store.operator.query('select from alias_targets where answered');
      return rowCount === 1;
    });
    upstream.fail('cdn.example.net.', 'timeout');
    const asked = upstream.count('cdn.example.net.', 'A');
    const { id = '' } = await queues.add({ zones: ['a.test.'] });
    await until('it is under way', async () => upstream.count('cdn.example.net.', 'A') > asked);
    return id;
  };
  const result = (id: string, service: Service) =>
    until(`job ${id} is done`, async () => (await queues.queue.getJob(id))?.returnvalue ?? undefined, {
      deadlineMs: 90_000,
      everyMs: 200,
      explain: () => service.log(),
    });
  return { upstream, worker, queues, begun, result };
}

for (const redis of [false, true]) {
  describe.runIf(!redis || redisInstalled)(redis ? 'on Redis' : 'on PostgreSQL', () => {
    test('a worker killed in the middle of a job: another finishes it', { timeout: 120_000 }, async () => {
      const { upstream, worker, begun, result } = await stage(redis);
      const first = await worker();
      const id = await begun();
      const second = await worker();
      process.kill(first.pid, 'SIGKILL');
      upstream.heal('cdn.example.net.');
      expect(await result(id, second)).toMatchObject({ targets: 1, resolved: 1, failed: 0 });
    });

    test('a worker stopped in the middle of a job hands it back: another finishes it', {
      timeout: 120_000,
    }, async () => {
      const { upstream, worker, queues, begun, result } = await stage(redis);
      const first = await worker();
      const id = await begun();
      await first.stop();
      expect(await queues.queue.getJobState(id), first.log()).toBe('waiting');
      upstream.heal('cdn.example.net.');
      expect(await result(id, await worker())).toMatchObject({ targets: 1, resolved: 1, failed: 0 });
    });

    test('a job under way is cancelled on the command line and through the API', {
      timeout: 60_000,
    }, async () => {
      const { worker, queues, begun } = await stage(redis);
      const service = await worker();
      const id = await begun();
      expect(await service.cli('job', 'cancel', id)).toBe(
        `job ${id} was cancelled; what it had found until then stays and is published\n`,
      );
      const shown = JSON.parse(await service.cli('job', id, '--json'));
      expect(shown).toMatchObject({
        state: 'failed',
        failedReason: expect.stringMatching(/^cancelled from the command line/),
      });
      expect((await service.run('job', 'cancel', '999')).stderr).toMatch(/^error: no job 999/);

      const { id: other = '' } = await queues.add({ zones: ['a.test.'] });
      await until('taken', async () => (await queues.queue.getJobState(other)) === 'active');
      const reply = await fetch(`http://${service.http.ip}:${service.http.port}/v1/jobs/${other}`, {
        method: 'DELETE',
      });
      expect(reply.status).toBe(200);
      expect(await reply.json()).toMatchObject({
        data: {
          cancelled: true,
          job: { state: 'failed', failedReason: expect.stringMatching(/^cancelled through the API/) },
        },
      });
    });
  });
}

test('jobs added at once share looks, and each has its own return value', async () => {
  const house = await openHouse({ RESYNC_CRON: '0 0 0 1 1 *', RESOLVE_TIMEOUT_MS: '5000' });
  closes.push(() => house.close());
  house.upstream.set('cdn.example.net.', { A: ['192.0.2.1'], ttl: 300 });
  await house.zone('a.test.', [['a.test.', 'ALIAS', 'cdn.example.net.']]);
  await house.zone('b.test.', [['b.test.', 'ALIAS', 'cdn.example.net.']]);
  await house.publishes('a.test.', 'A', ['192.0.2.1']);
  const queues = await openQueues({ databaseUrl: house.databaseUrl, log: silentLog, clock: systemClock });
  closes.push(() => queues.close());
  house.upstream.delay(400);
  const before = house.upstream.count('cdn.example.net.', 'A');
  const jobs = [];
  for (let index = 0; index < 20; index++) {
    jobs.push(await queues.add(index % 2 === 0 ? { zones: ['a.test.'] } : {}));
  }
  const results = await Promise.all(
    jobs.map(({ id = '' }) =>
      until(`job ${id} is done`, async () => (await queues.queue.getJob(id))?.returnvalue ?? undefined),
    ),
  );
  for (const result of results) expect(result).toMatchObject({ targets: 1, resolved: 1, changedRecords: 0 });
  // one that ran when the last was added, and one after it, were it only added quickly
  expect(house.upstream.count('cdn.example.net.', 'A') - before).toBeLessThanOrEqual(6);
});
