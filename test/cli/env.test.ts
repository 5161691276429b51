import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findEmbedded, removeEmbedded } from '../../src/embedded/index.ts';
import { environmentOf, runCommand } from '../support/service.ts';
import { until } from '../support/until.ts';
import { type TestCli, testCli } from './support.ts';

describe('env', () => {
  let cli: TestCli;
  beforeAll(async () => {
    cli = await testCli({
      API_TOKEN: 'token-of-mine',
      DATABASE_URL: 'postgresql://me:pass-of-mine@db.test/x',
      SERIAL_POLICY: 'date',
    });
  });
  afterAll(() => cli.close());

  test('prints the settings in force, without secrets', async () => {
    const text = await cli.ok('env');
    expect(text).toMatch(/^SERIAL_POLICY=date$/m);
    expect(text).toMatch(/^DNS_LISTEN=127\.0\.0\.1:5300$/m);
    expect(text).toMatch(/^# REDIS_URL is unset: /m);
    expect(text).not.toContain('of-mine');
    const all = await cli.json('env');
    expect(all).toMatchObject({ SERIAL_POLICY: 'date', REDIS_URL: null, API_TOKEN: '***' });
  });

  test('prints one that is named, a secret too', async () => {
    expect(await cli.ok('env', 'API_TOKEN')).toBe('token-of-mine\n');
    expect(await cli.ok('env', 'database_url')).toBe('postgresql://me:pass-of-mine@db.test/x\n');
    expect(await cli.json('env', 'SERIAL_POLICY')).toEqual({ SERIAL_POLICY: 'date' });
    expect(await cli.fails(1, 'env', 'REDIS_URL')).toBe(
      'error: REDIS_URL is unset: the queue lives in PostgreSQL',
    );
  });

  test('.env of the working directory counts', async () => {
    await cli.file('.env', 'REFRESH_MAX=77\nSERIAL_POLICY=unixtime\n');
    expect(await cli.ok('env', 'REFRESH_MAX')).toBe('77\n');
    expect(await cli.ok('env', 'SERIAL_POLICY')).toBe('date\n');
  });
});

describe('on the embedded database', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zoneferry env '));
    await chmod(folder, 0o711);
  });
  afterAll(async () => {
    await until('the keeper has left', async () => (await findEmbedded(folder)) === undefined, {
      deadlineMs: 20_000,
    });
    await removeEmbedded(folder);
    await rm(folder, { recursive: true, force: true });
  });
  const run = (...args: string[]) => runCommand(args, { folder, environment: environmentOf({}) });

  test('commands start it and stop it; several at once share it', async () => {
    const results = await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        run('zone', 'add', `${name}.test`, '--primary', 'ns1.x.test', '--contact', 'h@x.test'),
      ),
    );
    expect(results.map(({ status, stderr }) => ({ status, stderr }))).toEqual(
      results.map(() => ({ status: 0, stderr: '' })),
    );
    expect(await findEmbedded(folder)).toBeUndefined();
    expect(JSON.parse((await run('zone', 'list', '--json')).stdout)).toHaveLength(3);
    expect((await run('migrate', '--json')).stdout).toMatch(/"applied": \[\]/);
  });

  test('env DATABASE_URL is open to clients that come after it, and closed when they have gone', async () => {
    // through a shell, as $(…) waits for every writer to its pipe
    const url = await new Promise<string>((resolve, reject) => {
      execFile(
        'sh',
        ['-c', `echo "$('${process.execPath}' '${process.cwd()}/bin/zoneferry.js' env DATABASE_URL)"`],
        { cwd: folder, env: environmentOf({}), timeout: 20_000 },
        (error, stdout) => (error ? reject(error) : resolve(stdout.trim())),
      );
    });
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect();
    expect((await client.query('select count(*) from zones')).rows[0].count).toBe('3');
    expect((await run('env', 'DATABASE_URL')).stdout).toBe(`${url}\n`);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await client.query('select 1');
    await client.end();
    await until('it is stopped', async () => (await findEmbedded(folder)) === undefined, {
      deadlineMs: 8_000,
    });
  });

  test('Ctrl-C in the middle of a command leaves no server behind', async () => {
    const child = execFile(
      process.execPath,
      [join(process.cwd(), 'bin/zoneferry.js'), 'zone', 'import', '-'],
      { cwd: folder, env: environmentOf({}) },
    );
    child.stdin?.write('$ORIGIN d.test.\n');
    await new Promise((resolve) => setTimeout(resolve, 300));
    child.stdin?.end('@ 60 SOA ns1 h 1 1 1 1 1\n@ 60 NS ns1\n');
    await until('it has joined', async () => await findEmbedded(folder), { everyMs: 5 });
    child.kill('SIGINT');
    await new Promise((resolve) => child.once('exit', resolve));
    await until('it is stopped', async () => (await findEmbedded(folder)) === undefined);
  });
});
