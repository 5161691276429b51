import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { lookUp } from '../support/secondaries/dig.ts';
import { freePort } from '../support/secondaries/ports.ts';
import { findProgram, ServerProcess } from '../support/secondaries/server-process.ts';
import { type Service, startService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { Upstream } from '../support/upstream.ts';

/** The example of a BIND and an NSD beside the service: its set-up script and configurations, without the containers round them. */

const EXAMPLE = resolve(import.meta.dirname, '../../examples/bind-and-nsd');
const BIN = resolve(import.meta.dirname, '../../bin/zoneferry.js');
const CAN = (findProgram('named') && findProgram('nsd')) || process.env.CI;

let folder: string;
let database: FreshDatabase;
let upstream: Upstream;
let service: Service;
const servers: ServerProcess[] = [];
beforeAll(async () => {
  if (!CAN) return;
  folder = await mkdtemp(join(tmpdir(), 'zoneferry-example-'));
  await cp(EXAMPLE, folder, { recursive: true });
  database = await freshDatabase();
  upstream = await Upstream.start();
  upstream.set('www.wikipedia.org', { A: ['192.0.2.80'], AAAA: ['2001:db8::80'], ttl: 60 });
  service = await startService({ databaseUrl: database.url, resolver: upstream.endpoint });
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await service?.stop();
  await upstream?.close();
  await database?.drop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

test.skipIf(!CAN)('setup.sh connects both, and they serve the ALIAS and what changes', async () => {
  const [bind, nsd] = [await freePort(), await freePort()];
  const command = join(folder, 'zoneferry');
  await writeFile(command, `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`, { mode: 0o755 });
  const setUp = () =>
    promisify(execFile)('sh', [join(folder, 'setup.sh')], {
      env: {
        ...service.environment,
        COMPOSE: 'true',
        ZONEFERRY: command,
        BIND_ADDRESS: `127.0.0.1:${bind}`,
        NSD_ADDRESS: `127.0.0.1:${nsd}`,
      },
    });
  expect((await setUp()).stdout).toContain('zone example.com. made with');
  // a second run changes nothing
  expect((await setUp()).stdout).toContain('nothing changed');

  await inPlace('bind/conf/named.conf', [
    ['listen-on { any; }', `listen-on port ${bind} { 127.0.0.1; }`],
    ['/etc/zoneferry', join(folder, 'bind/conf')],
    ['/var/cache/bind', join(folder, 'bind')],
  ]);
  await mkdir(join(folder, 'nsd/lib'));
  await inPlace('nsd/conf/nsd.conf', [
    ['ip-address: 0.0.0.0', `ip-address: 127.0.0.1@${nsd}\n\tusername: ""`],
    ['/etc/zoneferry', join(folder, 'nsd/conf')],
    ['/var/lib/nsd', join(folder, 'nsd/lib')],
  ]);
  servers.push(
    new ServerProcess(findProgram('named') ?? 'named', ['-g', '-c', join(folder, 'bind/conf/named.conf')], {
      folder,
    }),
    new ServerProcess(findProgram('nsd') ?? 'nsd', ['-d', '-c', join(folder, 'nsd/conf/nsd.conf')], {
      folder,
    }),
  );
  const explain = () => servers.map((server) => server.log()).join('\n');
  for (const port of [bind, nsd]) {
    const server = { address: '127.0.0.1', port };
    await until(
      'the ALIAS is served',
      async () => (await lookUp(server, 'example.com', 'A')).join() === '192.0.2.80',
      { deadlineMs: 30_000, explain },
    );
    expect(await lookUp(server, 'example.com', 'AAAA')).toEqual(['2001:db8::80']);
  }
  await service.cli('record', 'add', 'example.com', 'new', 'TXT', 'hello');
  for (const port of [bind, nsd])
    await until(
      'the new record is served',
      async () =>
        (await lookUp({ address: '127.0.0.1', port }, 'new.example.com', 'TXT')).join() === '"hello"',
      { deadlineMs: 30_000, explain },
    );
});

async function inPlace(file: string, changes: [string, string][]): Promise<void> {
  let text = await readFile(join(folder, file), 'utf8');
  for (const [from, to] of changes) {
    expect(text).toContain(from);
    text = text.replaceAll(from, to);
  }
  await writeFile(join(folder, file), text);
}
