import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listProcesses } from '../../src/store/processes.ts';
import { PostgresProxy } from '../support/postgres-proxy.ts';
import { freePort } from '../support/secondaries/ports.ts';
import { environmentOf } from '../support/service.ts';
import { until } from '../support/until.ts';
import { type TestCli, testCli } from './support.ts';

const BIN = fileURLToPath(new URL('../../bin/zoneferry.js', import.meta.url));

let cli: TestCli;
beforeAll(async () => {
  cli = await testCli();
});
afterAll(() => cli.close());

async function serve(settings: Record<string, string>, ...args: string[]) {
  const child = spawn(process.execPath, [BIN, 'serve', ...args], {
    cwd: cli.folder,
    env: environmentOf({
      DATABASE_URL: cli.store.url,
      DNS_LISTEN: `127.0.0.1:${await freePort()}`,
      HTTP_LISTEN: `127.0.0.1:${await freePort()}`,
      RESOLVERS: '127.0.0.1:9',
      ...settings,
    }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (said.stdout += chunk));
  child.stderr.on('data', (chunk) => (said.stderr += chunk));
  const exit = once(child, 'exit').then(([status]) => status as number);
  return { child, said, exit };
}

test('one JSON document says that it is ready; SIGTERM stops it, exit status 0', async () => {
  const { child, said, exit } = await serve({}, '--json', '--roles', 'api,worker');
  await until('it is ready', async () => said.stdout.includes('}'), { explain: () => said.stderr });
  expect(JSON.parse(said.stdout)).toEqual({ ready: true, pid: child.pid, roles: ['worker', 'api'] });
  expect(await listProcesses(cli.store.pool)).toMatchObject([{ roles: ['worker', 'api'], alive: true }]);
  child.kill('SIGTERM');
  expect(await exit).toBe(0);
  expect(await listProcesses(cli.store.pool)).toEqual([]);
});

test('a PostgreSQL that stands still keeps nobody from ending: exit status 0, and it is said', {
  timeout: 90_000,
}, async () => {
  const proxy = await PostgresProxy.start(cli.store.url);
  const { child, said, exit } = await serve({ DATABASE_URL: proxy.url }, '--json');
  try {
    await until('it is ready', async () => said.stdout.includes('}'), { explain: () => said.stderr });
    proxy.silent = true;
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
    expect(said.stderr).toContain('ended all the same');
  } finally {
    child.kill('SIGKILL');
    await proxy.close();
  }
});

test('PostgreSQL away is waited for, and a signal ends the waiting', async () => {
  const { child, said, exit } = await serve({ DATABASE_URL: 'postgresql://127.0.0.1:9/x' });
  await until('it says so', async () => said.stderr.includes('does not answer'), {
    explain: () => said.stderr,
  });
  child.kill('SIGINT');
  expect(await exit).toBe(0);
});

test('a taken port ends it with one line', async () => {
  const tcp = createServer().listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const { port } = tcp.address() as { port: number };
  const udp = createSocket('udp4').bind(port, '127.0.0.1');
  const { said, exit } = await serve({ DNS_LISTEN: `127.0.0.1:${port}`, LOG_LEVEL: 'silent' });
  expect(await exit).toBe(1);
  expect(said.stderr).toMatch(new RegExp(`^error: DNS_LISTEN: got "127\\.0\\.0\\.1:${port}", takes .*\\n$`));
  tcp.close();
  udp.close();
});
