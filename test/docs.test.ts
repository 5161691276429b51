import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Authority } from './support/certificates.ts';
import { type FreshDatabase, freshDatabase } from './support/database.ts';
import { type Service, startService } from './support/service.ts';
import { until } from './support/until.ts';
import { Upstream } from './support/upstream.ts';

/** Every command that the documentation shows is run here as it stands, beside a running service; those in the text have to be known. */

const ROOT = resolve(import.meta.dirname, '..');
const BIN = join(ROOT, 'bin/zoneferry.js');
const PAGES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** Commands of others, or those that other tests run for real: with the reason. */
const ELSEWHERE: [RegExp, string][] = [
  [/^npm (ci|start|test|run)\b/, 'the demo, the start and the suite have tests of their own'],
  [/^alias /, 'the shell of the test has it as a function'],
  [/^(pdnsutil|docker|sudo|systemctl|promtool|openssl|pg_dump|pg_restore) /, 'a program of somebody else'],
  [/^psql "/, 'waits for input'],
  [/^[A-Z_]+=/, 'a setting, which the service of the test has'],
];

interface Block {
  page: string;
  line: number;
  commands: string[];
}

function blocksOf(page: string): Block[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => ({
    page,
    line: text.slice(0, match.index).split('\n').length,
    commands: (match[1] ?? '')
      .replaceAll(/\\\n\s*/g, ' ')
      .split('\n')
      .map((line) => line.trim())
      .filter(
        (line) => line !== '' && !line.startsWith('#') && !ELSEWHERE.some(([pattern]) => pattern.test(line)),
      ),
  }));
}

let database: FreshDatabase;
let upstream: Upstream;
let authority: Authority;
let service: Service;
beforeAll(async () => {
  database = await freshDatabase();
  upstream = await Upstream.start();
  authority = await Authority.make();
  const { certFile, keyFile } = await authority.issue('primary.example.com');
  service = await startService({
    databaseUrl: database.url,
    resolver: upstream.endpoint,
    settings: {
      TLS_LISTEN: '127.0.0.1:0',
      TLS_CERT: certFile,
      TLS_KEY: keyFile,
    },
  });
  await writeFile(join(service.folder, 'example.com.zone'), ZONE);
  await mkdir(join(service.folder, 'bin'));
  await writeFile(
    join(service.folder, 'bin/zoneferry'),
    `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`,
    {
      mode: 0o755,
    },
  );
  await copyFile(join(service.folder, 'example.com.zone'), join(service.folder, 'db.example'));
});
afterAll(async () => {
  await service?.stop();
  await authority?.remove();
  await upstream?.close();
  await database?.drop();
});

const ZONE = `$ORIGIN example.com.
@ 3600 SOA ns1 hostmaster 1 3600 600 1209600 300
@ 3600 NS ns1
ns1 3600 A 192.0.2.53
@ 300 ALIAS myapp.cloudprovider.com.
`;

describe.each(PAGES.flatMap(blocksOf).filter(({ commands }) => commands.length > 0))(
  '$page, the block at line $line',
  ({ commands }) => {
    beforeAll(async () => {
      await clear();
      const text = commands.join('\n');
      // what the block takes for granted
      await service.cli('secondary', 'add', 'self', '--address', '127.0.0.1', '--no-notify');
      if (!/zone (add|import)|"name":"example\.com"/.test(text))
        await service.cli('zone', 'import', join(service.folder, 'example.com.zone'));
      for (const [, key] of text.matchAll(/--key (\S+)/g))
        if (key && !text.includes(`key add ${key}`)) await service.run('key', 'add', key);
      if (/\bns1\b/.test(text) && !text.includes('secondary add ns1'))
        await service.cli('secondary', 'add', 'ns1', '--address', '192.0.2.53');
    });

    test.each(commands)('%s', async (command) => {
      if (/zone add/.test(command)) await clear();
      // 192.0.2.53 is nobody's address: nothing that it would have to serve is waited for
      if (command.includes('--converged')) await service.cli('secondary', 'set', 'ns1', '--check', 'none');
      const { status, said } = await inShell(
        command.replace(/--to \d+/, `--to ${await earlierSerial(command)}`),
      );
      expect({ command, status, said }).toMatchObject({ status: 0 });
    });
  },
);

// a process for each of them
test('each command in the text is one there is, with its options', { timeout: 180_000 }, async () => {
  const wrong: string[] = [];
  const told = new Map<string, string>();
  for (const page of [...PAGES, 'CHANGELOG.md']) {
    const text = readFileSync(join(ROOT, page), 'utf8').replaceAll(/^```.*?^```$/gms, '');
    for (const [, words = ''] of text.matchAll(/`zoneferry ([^`]+)`/g)) {
      const path = /^[a-z-]+( [a-z-]+)?/.exec(words)?.[0] ?? '';
      const help = told.get(path) ?? (await helpOf(path));
      told.set(path, help);
      if (help === '') wrong.push(`${page}: zoneferry ${words}`);
      for (const [option] of words.matchAll(/(?<![\w-])--[a-z-]+/g))
        if (!help.includes(option)) wrong.push(`${page}: zoneferry ${words}: ${option}`);
    }
  }
  expect(wrong).toEqual([]);
});

/** The help of a command and, where it is a group, of what is in it; empty where there is none. */
async function helpOf(path: string): Promise<string> {
  const { status, stdout } = await service.run(...path.split(' '), '--help');
  if (status === 0 && stdout.includes(`Usage: zoneferry ${path}`)) return stdout;
  // `example.com` of `resync example.com` is no command
  const [group = ''] = path.split(' ');
  return group === path ? '' : helpOf(group);
}

/** In the place of a serial that the documentation makes up: one that the zone of this test had. */
async function earlierSerial(command: string): Promise<string> {
  if (!/--to \d/.test(command)) return '';
  await service.cli('record', 'add', 'example.com', 'for-history', 'TXT', 'hello');
  const found = await until('a version before the newest', async () => {
    const versions: { from: number | null }[] = JSON.parse(
      await service.cli('zone', 'history', 'example.com', '--json'),
    );
    return versions.find(({ from }) => from !== null)?.from;
  });
  return String(found);
}

async function clear(): Promise<void> {
  for (const [kind, name] of [
    ['zone', 'example.com'],
    ['secondary', 'ns1'],
    ['secondary', 'self'],
  ] as const)
    await service.run(kind, 'delete', name);
  for (const { name } of JSON.parse(await service.cli('key', 'list', '--json')))
    await service.run('key', 'delete', name);
}

/** Runs a line as a person would, on the service of this test. */
async function inShell(command: string): Promise<{ status: number; said: string }> {
  if (command.includes('zoneferry.log')) {
    // earlier blocks have published this zone, too: the line that counts is that of the version it has now
    await until('its version is in the log', async () => {
      const { change } = JSON.parse(await service.cli('zone', 'show', 'example.com', '--json'));
      return typeof change === 'string' && service.log().includes(change);
    });
    await writeFile(join(service.folder, 'zoneferry.log'), service.log());
  }
  const line = command
    .replaceAll('http://127.0.0.1:8053', `http://${service.http.ip}:${service.http.port}`)
    .replace(/--from-axfr \S+( --key \S+)?/, `--from-axfr ${service.dns.ip}:${service.dns.port}`)
    .replace(/^curl /, 'curl -sS --fail-with-body ')
    .replace(/^zoneferry status --watch/, 'timeout -s INT --preserve-status 8 zoneferry status --watch');
  return new Promise((done) => {
    execFile(
      'bash',
      ['-c', line],
      {
        cwd: service.folder,
        env: { ...service.environment, PATH: `${service.folder}/bin:${service.environment.PATH}` },
        timeout: 60_000,
      },
      (error, stdout, stderr) =>
        done({ status: error ? Number(error.code ?? 1) : 0, said: `${stdout}${stderr}` }),
    );
  });
}
