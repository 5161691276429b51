import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { barText } from '../../src/cli/resync/progress-bar.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { registerProcess } from '../../src/store/processes.ts';
import { openQueues } from '../../src/sync/queues.ts';
import { environmentOf, type Service, startService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { Upstream } from '../support/upstream.ts';
import { type TestCli, testCli } from './support.ts';

const BIN = fileURLToPath(new URL('../../bin/zoneferry.js', import.meta.url));

describe('beside a running service', () => {
  let upstream: Upstream;
  let cli: TestCli;
  let service: Service;
  beforeAll(async () => {
    upstream = await Upstream.start();
    upstream.set('cdn.example.net.', { A: ['198.51.100.1'], AAAA: ['2001:db8::1'], ttl: 3600 });
    upstream.fail('dead.example.net.', 'servfail');
    cli = await testCli({ RESOLVERS: `127.0.0.1:${upstream.endpoint.port}` });
    // the schedule is silent: what happens is the command's doing
    service = await startService({
      databaseUrl: cli.store.url,
      resolver: upstream.endpoint,
      // and a silent upstream keeps a job under way for as long as commands take on a busy machine
      settings: { RESYNC_CRON: '0 0 0 1 1 *', RESOLVE_TIMEOUT_MS: '5000' },
    });
    for (const zone of ['a.test', 'b.test']) {
      await cli.ok('zone', 'add', zone, '--primary', 'ns1.example.net', '--contact', `h@${zone}`);
      await cli.ok('record', 'add', zone, '@', 'ALIAS', 'cdn.example.net');
    }
    await cli.ok('record', 'add', 'b.test', 'dead', 'ALIAS', 'dead.example.net');
    await cli.ok('secondary', 'add', 's1', '--address', '127.0.0.1:9', '--zones', 'a.test');
    await until('both aliases are published', async () =>
      (await Promise.all(['a', 'b'].map((zone) => addressOf(`${zone}.test`)))).every(
        (address) => address === '198.51.100.1',
      ),
    );
  });
  afterAll(async () => {
    await service?.stop();
    await cli?.close();
    await upstream?.close();
  });

  const addressOf = async (zone: string) =>
    (
      await cli.store.operator.query(`select content from transfer_records where owner = $1 and type = 'A'`, [
        `${zone}.`,
      ])
    ).rows[0]?.content;
  const moveTo = (address: string) =>
    upstream.set('cdn.example.net.', { A: [address], AAAA: ['2001:db8::1'], ttl: 3600 });

  test('--dry-run prints what would change, and changes nothing', async () => {
    moveTo('198.51.100.2');
    const plan = await cli.json('resync', 'a.test', '--dry-run');
    expect(plan).toMatchObject({
      targets: 1,
      resolved: 1,
      changedZones: 1,
      changedRecords: 2,
      zones: [
        {
          zone: 'a.test.',
          deleted: [{ name: 'a.test.', type: 'A', content: '198.51.100.1', ttl: 3600 }],
          added: [{ name: 'a.test.', type: 'A', content: '198.51.100.2', ttl: 3600 }],
        },
      ],
    });
    const text = await cli.ok('resync', '--dry-run');
    expect(text).toMatch(
      /^b\.test\.\n {2}- b\.test\. 3600 A 198\.51\.100\.1\n {2}\+ b\.test\. 3600 A 198\.51\.100\.2$/m,
    );
    expect(text).toMatch(/2 targets: 1 resolved, 1 failed, 0 held; 4 records in 2 zones would change/);
    expect(await addressOf('a.test')).toBe('198.51.100.1');
  });

  test('--wait returns when rows, serial and first NOTIFY are there', async () => {
    moveTo('198.51.100.3');
    const result = await cli.json('resync', '--wait');
    expect(Object.keys(result)).toEqual(
      'targets resolved failed held changedRecords changedZones notified ms'.split(' '),
    );
    expect(result).toMatchObject({
      targets: 2,
      resolved: 1,
      failed: 1,
      changedRecords: 4,
      changedZones: 2,
      notified: 1,
    });
    expect([await addressOf('a.test'), await addressOf('b.test')]).toEqual(['198.51.100.3', '198.51.100.3']);
    expect(await cli.ok('resync', 'A.test', '--wait', '--force')).toMatch(
      /^1 target: 1 resolved, 0 failed, 0 held; 0 records in 0 zones changed, 0 notified, \d+ ms\n$/,
    );
  });

  test('without --wait it returns when the job is taken; jobs and job show it', async () => {
    const { job } = await cli.json<{ job: string }>('resync', 'a.test');
    await until('it is done', async () => (await cli.json('job', job)).state === 'completed');
    expect(await cli.json('job', job)).toMatchObject({
      id: job,
      data: { zones: ['a.test.'], reason: 'command line' },
      result: { targets: 1 },
    });
    expect(await cli.ok('job', job)).toMatch(/state +completed/);
    const jobs = await cli.json<{ id: string }[]>('jobs', '--state', 'completed');
    expect(jobs.map(({ id }) => id)).toContain(job);
    expect(await cli.ok('jobs')).toContain('a.test. (command line)');
    expect(await cli.json('job', 'retry', job)).toEqual({ id: job, state: 'waiting' });
    expect(await cli.fails(1, 'job', '999999')).toMatch(/no job 999999/);
    expect(await cli.fails(1, 'job', 'retry', '999999')).toMatch(/no job 999999/);
  });

  test('an unknown zone is refused before anything is added', async () => {
    expect(await cli.fails(1, 'resync', 'a.test', 'no.test')).toMatch(/no zone no\.test\./);
    expect(await cli.fails(1, 'resync', 'no.test', '--dry-run')).toMatch(/no zone no\.test\./);
  });

  test('Ctrl-C stops the waiting and not the job', async () => {
    upstream.fail('cdn.example.net.', 'timeout');
    const active = () => cli.json<{ id: string }[]>('jobs', '--state', 'active');
    // of a test before, maybe
    const others = new Set((await active()).map(({ id }) => id));
    const child = spawn(process.execPath, [BIN, 'resync', '--wait'], {
      cwd: cli.folder,
      env: environmentOf({ DATABASE_URL: cli.store.url }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk) => (stderr += chunk));
    await until('its job runs', async () => (await active()).some(({ id }) => !others.has(id)));
    child.kill('SIGINT');
    const [status] = await once(child, 'exit');
    upstream.heal('cdn.example.net.');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: waiting was interrupted; job (\d+) goes on/);
    const id = /job (\d+)/.exec(stderr)?.[1] ?? '';
    await until('it ends by itself', async () => (await cli.json('job', id)).state === 'completed');
  });

  test('where the queue is another than the service has, it says so at once', async () => {
    await cli.ok('resync', '--wait');
    const started = performance.now();
    const { status, stderr } = await runWith({ REDIS_URL: 'redis://127.0.0.1:9' }, 'resync', '--wait');
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr:
        "error: the service's queue is on PostgreSQL, this command's on Redis: set REDIS_URL alike for both\n",
    });
    expect(performance.now() - started).toBeLessThan(4_000);
  });

  const runWith = async (settings: Record<string, string>, ...args: string[]) => {
    const child = spawn(process.execPath, [BIN, ...args], {
      cwd: cli.folder,
      env: environmentOf({ DATABASE_URL: cli.store.url, ...settings }),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk) => (stderr += chunk));
    const [status] = await once(child, 'exit');
    return { status, stderr };
  };

  test('notify makes every NOTIFY due again; status has it all on one screen', async () => {
    expect(await cli.json('notify', 'a.test')).toEqual({
      notifications: 1,
      zones: ['a.test.'],
      transferAlive: true,
    });
    expect(await cli.ok('notify', 'b.test')).toMatch(/nothing to send/);
    expect(await cli.fails(1, 'notify', 'no.test')).toMatch(/no zone/);

    const status = await cli.json<{
      zones: object[];
      aliases: { target: string; heldSince: string | null; outcome: object }[];
    }>('status');
    expect(status).toMatchObject({
      zones: [
        { zone: 'a.test.', serial: expect.any(Number), records: 3, problem: null },
        { zone: 'b.test.', serial: expect.any(Number), records: 3, problem: null },
      ],
      secondaries: [{ secondary: 's1', acked: 0, pending: 1, newest: { zone: 'a.test.' } }],
      queue: { kind: 'postgresql', counts: { waiting: 0 } },
      processes: [{ roles: ['transfer', 'worker', 'scheduler', 'api'], alive: true }],
      problems: [],
    });
    const dead = status.aliases.find(({ target }) => target === 'dead.example.net.');
    expect(dead).toMatchObject({
      published: [],
      outcome: { a: 'failed', aaaa: 'failed' },
      heldSince: expect.any(String),
    });
    const cdn = status.aliases.find(({ target }) => target === 'cdn.example.net.');
    expect(cdn).toMatchObject({
      published: ['198.51.100.3', '2001:db8::1'],
      outcome: { a: 'found', aaaa: 'found' },
    });

    const text = await cli.ok('status');
    for (const part of [
      '2 zones, 3 aliases, 1 secondary',
      'a.test.',
      'cdn.example.net.',
      '198.51.100.3',
      's1',
      'process ',
    ])
      expect(text).toContain(part);
  });

  test('status and alias why name what a guard holds, with the command for it', async () => {
    await cli.store.pool.query(
      `insert into guarded_targets (guard, target, aliases, state, concerned, total, percent)
       values ('empty', 'cdn.example.net.', 2, 'held', 312, 1000, 20)`,
    );
    const sentence = (zone: string) =>
      `guard empty: 312 of 1,000 aliases (31 %) would lose all addresses, limit 20 %: \`zoneferry resync ${zone} --force\` publishes it`;
    expect(await cli.ok('status')).toContain(`${sentence('ZONE')} (since 20`);
    const { guards, aliases } = await cli.json<{
      guards: object[];
      aliases: { target: string; heldReason: string | null }[];
    }>('status');
    expect(guards).toMatchObject([
      { guard: 'empty', concerned: 312, total: 1000, limit: 20, zones: ['a.test.', 'b.test.'] },
    ]);
    const alias = aliases.find(({ target }) => target === 'cdn.example.net.');
    expect(alias?.heldReason).toBe(sentence('a.test.'));
    expect(await cli.ok('alias', 'why', 'b.test', '@')).toContain(sentence('b.test.'));
    await cli.store.pool.query('delete from guarded_targets');
  });

  test('status --watch goes on until Ctrl-C, which is a good end', async () => {
    const child = spawn(process.execPath, [BIN, 'status', '--watch'], {
      cwd: cli.folder,
      env: environmentOf({ DATABASE_URL: cli.store.url }),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let stdout = '';
    child.stdout.on('data', (chunk) => (stdout += chunk));
    await until('it looked twice', async () => stdout.split('2 zones, ').length > 2);
    child.kill('SIGINT');
    expect((await once(child, 'exit'))[0]).toBe(0);
  });
});

describe('without a service', () => {
  let cli: TestCli;
  beforeAll(async () => {
    cli = await testCli();
    await cli.ok('zone', 'add', 'a.test', '--primary', 'ns1.example.net', '--contact', 'h@a.test');
  });
  afterAll(() => cli.close());
  afterEach(() => cli.store.pool.query('delete from service_processes'));

  test('a resync that no worker takes within 5 s fails, and leaves no job behind', async () => {
    const started = performance.now();
    expect(await cli.fails(1, 'resync', '--wait')).toBe(
      'error: no worker took the job within 5 s: start one with zoneferry serve',
    );
    expect(performance.now() - started).toBeGreaterThan(5_000);
    expect(await cli.json('jobs')).toEqual([]);
  });

  test('workers that are busy: the job stays', async () => {
    await registerProcess(cli.store.pool, {
      id: 'h/1/a',
      roles: ['worker'],
      queue: { kind: 'postgresql', hash: '' },
      version: null,
      unknownSteps: [],
    });
    expect(await cli.fails(1, 'resync')).toMatch(/all are busy, and job \d+ waits/);
    expect(await cli.json('jobs', '--state', 'waiting')).toHaveLength(1);
  });

  test('--wait goes on while a job that failed is to be tried again', async () => {
    const queues = await openQueues({ databaseUrl: cli.store.url, log: silentLog, clock: systemClock });
    let tries = 0;
    const result = {
      targets: 0,
      resolved: 0,
      failed: 0,
      held: 0,
      changedRecords: 0,
      changedZones: 0,
      notified: 0,
      ms: 1,
    };
    queues.work(async () => {
      if (++tries === 1) throw new Error('not yet');
      return result;
    });
    expect(await cli.json('resync', '--wait')).toEqual(result);
    await queues.close();
  });

  test('a service on Redis is named', async () => {
    await registerProcess(cli.store.pool, {
      id: 'h/1/b',
      roles: ['worker'],
      queue: { kind: 'redis', hash: 'x' },
      version: null,
      unknownSteps: [],
    });
    expect(await cli.fails(1, 'resync')).toMatch(/service's queue is on Redis, this command's on PostgreSQL/);
  });

  test('notify and status say that nobody is at work', async () => {
    const { status, stderr } = await cli.run('notify');
    expect(status).toBe(0);
    expect(stderr).toMatch(/^warning: no process with the role transfer is alive/);
    expect(await cli.ok('status')).toMatch(
      /no process of the service is alive[\s\S]*edits wait to be published/,
    );
  });

  test('a queue that is away is part of the status', async () => {
    const away = await testCli({ REDIS_URL: 'redis://127.0.0.1:9' });
    expect((await away.json<{ queue: object }>('status')).queue).toMatchObject({
      kind: 'redis',
      error: expect.stringMatching(/./),
    });
    expect(await away.fails(1, 'jobs')).toMatch(/queue does not answer.*REDIS_URL/);
    await away.close();
  });
});

test('the bar of a resync', () => {
  expect(barText(undefined)).toBe(`looking    [${'-'.repeat(30)}]`);
  expect(barText({ phase: 'resolve', done: 5, total: 10 })).toBe(
    `looking    [${'#'.repeat(15)}${'-'.repeat(15)}] 5/10`,
  );
  expect(barText({ phase: 'done', done: 0, total: 0 })).toBe(`done       [${'#'.repeat(30)}] 0/0`);
});
