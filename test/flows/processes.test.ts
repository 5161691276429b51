/** `serve --roles transfer --processes N`: one port, several processes. */

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { asker } from '../http/support.ts';
import { PostgresProxy } from '../support/postgres-proxy.ts';
import { freePort } from '../support/secondaries/ports.ts';
import { ServerProcess } from '../support/secondaries/server-process.ts';
import { environmentOf } from '../support/service.ts';
import { addZone, publishAll, type TestStore, testStore } from '../support/store.ts';
import { axfr, soa } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';

const BIN = fileURLToPath(new URL('../../bin/zoneferry.js', import.meta.url));

let store: TestStore;
let port: number;
const servers: ServerProcess[] = [];
beforeEach(async () => {
  store = await testStore();
  await store.operator.query(`insert into secondaries (name, addresses) values ('s', '{127.0.0.1:9}')`);
  await addZone(store, 'example.com.');
  await publishAll(store);
  port = await freePort();
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
  await store.close();
});

function serve(...args: string[]): ServerProcess {
  return run(['--roles', 'transfer', ...args]);
}

function run(args: string[], settings: Record<string, string> = {}): ServerProcess {
  const server = new ServerProcess(process.execPath, [BIN, 'serve', ...args], {
    folder: '/tmp',
    environment: environmentOf({ DATABASE_URL: store.url, DNS_LISTEN: `127.0.0.1:${port}`, ...settings }),
  });
  servers.push(server);
  return server;
}

/** Whether that process says so: the one started here, which waits for the others, or one of those. */
const isReady = async (server: ServerProcess, pid = server.pid) =>
  server.log().includes(`"pid":${pid},"roles":["transfer"],"msg":"ready"`);

async function childrenOf(server: ServerProcess): Promise<number[]> {
  const text = await readFile(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8').catch(() => '');
  return text.trim().split(/\s+/).filter(Boolean).map(Number);
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Asks from many ports, so that each process gets some. */
async function askAll(count = 40): Promise<void> {
  const asked = { host: '127.0.0.1', port, zone: 'example.com.', timeoutMs: 3_000 };
  const answers = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      index % 3 === 0
        ? axfr(asked).then(({ result }) => (result.kind === 'axfr' ? 1 : 0))
        : soa({ ...asked, transport: index % 3 === 1 ? 'udp' : 'tcp' }).then(({ serial }) => serial),
    ),
  );
  expect(answers).toEqual(new Array(count).fill(1));
}

/** Asks on and on until it is stopped, from a new port each time; what is lost is asked again. */
function askOn() {
  const asked = { host: '127.0.0.1', port, zone: 'example.com.', timeoutMs: 2_000 };
  const lost: string[] = [];
  let answered = 0;
  let stopping = false;
  const run = async (transport: 'udp' | 'tcp') => {
    for (let retries = 0; !stopping || retries > 0; ) {
      try {
        expect((await soa({ ...asked, transport })).serial).toBe(1);
        answered++;
        retries = 0;
      } catch (error) {
        lost.push(String(error));
        if (++retries > 5) throw error;
      }
    }
  };
  const runs = Promise.all([run('udp'), run('tcp'), run('tcp'), run('tcp')]);
  runs.catch(() => {});
  return {
    stop: async () => {
      stopping = true;
      await runs;
      return { answered, lost };
    },
  };
}

test('two processes answer on one port; one that is killed is started again; SIGTERM ends them all', {
  timeout: 60_000,
}, async () => {
  const server = serve('--processes', '2');
  await server.until(() => isReady(server), 30_000);
  const before = await childrenOf(server);
  expect(before).toHaveLength(2);
  await askAll();
  const askers = askOn();
  process.kill(before[0] ?? 0, 'SIGKILL');
  const another = await until('another one', async () => {
    const now = await childrenOf(server);
    return now.length === 2 && now.find((pid) => !before.includes(pid));
  });
  expect(server.log()).toContain('transfer process 1 ended');
  await until('it serves', () => isReady(server, another));
  // what the killed one had, accepted or not, is lost with it; the port itself is open all the time, and who asks again is answered
  const { answered, lost } = await askers.stop();
  expect(answered).toBeGreaterThan(0);
  expect(
    lost.filter(
      (failure) => !/ECONNRESET|EPIPE|no reply over UDP|ended without|within|aborted/.test(failure),
    ),
  ).toEqual([]);
  await askAll();
  const children = await childrenOf(server);
  expect(await server.stop(10_000), 'in time').toBe(true);
  expect(children.filter(lives)).toEqual([]);
});

test('HTTP tells the counts of all processes together, and how each of them is', {
  timeout: 90_000,
}, async () => {
  const proxy = await PostgresProxy.start(store.url);
  const http = await freePort();
  const server = run(['--processes', '2'], { DATABASE_URL: proxy.url, HTTP_LISTEN: `127.0.0.1:${http}` });
  const ask = asker(`http://127.0.0.1:${http}`);
  const readiness = async () => (await ask('GET', '/readyz')).body;
  const soaAnswers = async () => {
    const { text } = await ask('GET', '/metrics');
    return Number(/^zoneferry_xfr_requests_total\{type="SOA",result="soa"\} (\d+)$/m.exec(text)?.[1] ?? 0);
  };
  try {
    await until('ready', async () => (await readiness())?.status === 'success', { deadlineMs: 30_000 });
    await askAll(60);
    await until('all forty answers to SOA are counted', async () => (await soaAnswers()) === 40);
    const { text } = await ask('GET', '/metrics');
    expect(text).toMatch(/^zoneferry_xfr_duration_seconds_count\{type="SOA"\} 40$/m);
    expect(text.match(/^# TYPE (\S+) /gm)?.length).toBe(new Set(text.match(/^# TYPE (\S+) /gm)).size);

    const [first = 0] = await childrenOf(server);
    process.kill(first, 'SIGKILL');
    await until(
      'one is not up',
      async () => (await readiness()).error?.message === 'transfer process 1 is not up',
      { everyMs: 5 },
    );
    await until('ready again', async () => (await readiness()).status === 'success');
    expect(await soaAnswers(), 'counts of one that ended stay').toBe(40);
    await askAll(60);
    await until('the next forty', async () => (await soaAnswers()) === 80);

    // its lease alone: what HTTP asks for itself is there
    proxy.admits = (application) => application !== 'zoneferry lease';
    proxy.cut();
    const away = 'PostgreSQL does not answer: the last confirmed versions are served';
    await until(
      'both say that PostgreSQL is away',
      async () =>
        (await readiness()).error?.message === `transfer process 1: ${away}; transfer process 2: ${away}`,
    );
    proxy.admits = () => true;
    await until('ready', async () => (await readiness()).status === 'success');

    const [, hung = 0] = await childrenOf(server);
    process.kill(hung, 'SIGSTOP');
    await until(
      'one that hangs is seen',
      async () =>
        /^transfer process [12] has said nothing for \d+ s$/.test((await readiness()).error?.message ?? ''),
      { deadlineMs: 30_000 },
    );
    process.kill(hung, 'SIGCONT');
    await until('ready', async () => (await readiness()).status === 'success');
  } finally {
    await server.stop();
    await proxy.close();
  }
});

test('they end when the process that started them is killed', { timeout: 60_000 }, async () => {
  const server = serve('--processes', '2');
  await server.until(() => isReady(server), 30_000);
  const children = await childrenOf(server);
  process.kill(server.pid ?? 0, 'SIGKILL');
  await until('no process', async () => !children.some(lives));
});

test('a port that another program has is refused, by one line, though it might be shared', {
  timeout: 60_000,
}, async () => {
  const other = createServer().listen({ port, host: '127.0.0.1', reusePort: true });
  await once(other, 'listening');
  const server = serve('--processes', '2');
  await until('the end', async () => server.ended, { deadlineMs: 30_000 });
  expect(server.log().trim().split('\n').at(-1)).toMatch(
    new RegExp(`^error: DNS_LISTEN: got "127.0.0.1:${port}", takes a free port`),
  );
  other.close();
});
