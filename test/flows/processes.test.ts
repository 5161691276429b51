/** `serve --roles transfer --processes N`: one port, several processes. */

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
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
  const server = new ServerProcess(process.execPath, [BIN, 'serve', '--roles', 'transfer', ...args], {
    folder: '/tmp',
    environment: environmentOf({ DATABASE_URL: store.url, DNS_LISTEN: `127.0.0.1:${port}` }),
  });
  servers.push(server);
  return server;
}

const isReady = async (server: ServerProcess) => /"roles":\["transfer"\],"msg":"ready"/.test(server.log());

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

test('two processes answer on one port; one that is killed is started again; SIGTERM ends them all', {
  timeout: 60_000,
}, async () => {
  const server = serve('--processes', '2');
  await server.until(() => isReady(server), 30_000);
  const before = await childrenOf(server);
  expect(before).toHaveLength(2);
  await askAll();
  process.kill(before[0] ?? 0, 'SIGKILL');
  await until('another one', async () => {
    const now = await childrenOf(server);
    return now.length === 2 && !now.includes(before[0] ?? 0);
  });
  expect(server.log()).toContain('transfer process 1 ended');
  await until('it serves', async () => {
    const { rows } = await store.operator.query(
      'select from transfer_leases where confirmed is not null and lease_until > now()',
    );
    return rows.length === 2;
  });
  // the lease of the one that was killed may be one of them for a moment
  await until('all answers', async () => {
    await askAll();
    return true;
  });
  const children = await childrenOf(server);
  expect(await server.stop(10_000), 'in time').toBe(true);
  expect(children.filter(lives)).toEqual([]);
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
