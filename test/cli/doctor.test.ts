import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Verdict } from '../../src/cli/doctor/verdict.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { freePort } from '../support/secondaries/ports.ts';
import { type Service, startService } from '../support/service.ts';
import { Upstream } from '../support/upstream.ts';
import { type TestCli, testCli } from './support.ts';

let database: FreshDatabase;
let upstream: Upstream;
let service: Service;
let cli: TestCli;
beforeAll(async () => {
  database = await freshDatabase();
  upstream = await Upstream.start();
  service = await startService({ databaseUrl: database.url, resolver: upstream.endpoint });
  cli = await testCli();
});
afterAll(async () => {
  await service?.stop();
  await upstream?.close();
  await database?.drop();
  await cli?.close();
});

const of = (verdicts: Verdict[], check: string) => verdicts.find((one) => one.check.startsWith(check));

test('beside a running service all is well', async () => {
  const { status, stdout, stderr } = await service.run('doctor', '--json');
  const verdicts = JSON.parse(stdout) as Verdict[];
  expect(verdicts.filter((one) => one.verdict === 'failed')).toEqual([]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  for (const check of ['database', 'schema', 'clock', 'queue', 'resolver 127', 'role worker', 'publishing'])
    expect([check, of(verdicts, check)?.verdict]).toEqual([check, 'ok']);
  expect(of(verdicts, 'DNS_LISTEN')?.says).toBe('takes connections');
  expect((await service.run('doctor')).stdout).toMatch(/^ok {7}database: PostgreSQL 1\d, /m);
});

test('what is wrong is named, with what to do', async () => {
  const { status, stdout, stderr } = await cli.run('doctor', '--json');
  const verdicts = JSON.parse(stdout) as Verdict[];
  expect(status).toBe(1);
  expect(stderr).toMatch(/^error: 1 check of \d+ failed\n$/);
  expect(of(verdicts, 'resolver 127.0.0.1:9')).toMatchObject({
    verdict: 'failed',
    says: expect.stringContaining('Check RESOLVERS'),
  });
  expect(of(verdicts, 'service')).toMatchObject({
    verdict: 'warning',
    says: 'no process is at work: zoneferry serve starts one',
  });

  const port = await freePort();
  const other = await testCli({
    DATABASE_URL: 'postgresql://127.0.0.1:9/nowhere',
    DNS_LISTEN: `127.0.0.1:${port}`,
    RESOLVERS: `127.0.0.1:${upstream.endpoint.port}`,
  });
  const again = createServer().listen(port, '127.0.0.1');
  try {
    const { stdout } = await other.run('doctor', '--json');
    const verdicts = JSON.parse(stdout) as Verdict[];
    expect(of(verdicts, 'database')).toMatchObject({
      verdict: 'failed',
      says: expect.stringContaining('Check DATABASE_URL'),
    });
    expect(verdicts.find((one) => one.check === `DNS_LISTEN 127.0.0.1:${port} TCP`)).toMatchObject({
      verdict: 'failed',
      says: 'something else listens there: stop it, or choose another port',
    });
  } finally {
    again.close();
    await other.close();
  }
});
