import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { installed } from '../support/secondaries/index.ts';
import { until } from '../support/until.ts';

const DEMO = fileURLToPath(new URL('../../src/demo/main.ts', import.meta.url));
const MINUTE = 60_000;

let folder: string;
let demo: ChildProcess | undefined;
let said = '';

beforeEach(async () => {
  // a blank in the path, and closed to others: root's database, which runs as another user, can't enter
  folder = await mkdtemp(join(tmpdir(), 'zoneferry demo test '));
  said = '';
});
afterEach(async () => {
  demo?.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** Starts the demo with this folder for its temporary files; settings of the outside are not to reach it. */
function start(environment: Record<string, string>): ChildProcess {
  demo = spawn(process.execPath, [DEMO], {
    cwd: folder,
    env: { ...process.env, TMPDIR: folder, DATABASE_URL: 'nonsense', LOG_LEVEL: '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const keep = (chunk: Buffer) => {
    said += chunk.toString('utf8');
  };
  demo.stdout?.on('data', keep);
  demo.stderr?.on('data', keep);
  return demo;
}

async function statusOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'close');
  return child.exitCode;
}

const saying = (text: string) =>
  until(text, async () => said.includes(text), { deadlineMs: 40_000, explain: () => said });

/** Nothing of it runs, no port is taken, no file is there, in the shared place of root's databases neither. */
async function expectNothingLeft(): Promise<void> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,args='], { maxBuffer: 1 << 24 });
  expect(stdout.split('\n').filter((line) => line.includes(folder))).toEqual([]);
  expect(await readdir(folder)).toEqual([]);
  const homes = await readdir('/var/lib/zoneferry').catch(() => []);
  const owners = await Promise.all(
    homes.map((home) => readFile(join('/var/lib/zoneferry', home, 'belongs-to'), 'utf8').catch(() => '')),
  );
  expect(owners.filter((owner) => owner.includes(folder))).toEqual([]);
  for (const [, port] of said.matchAll(/127\.0\.0\.1:(\d+)/g)) {
    const server = createServer();
    server.listen(Number(port), '127.0.0.1');
    await once(server, 'listening');
    server.close();
  }
}

/** Each move has its six steps in this order, and times that do not go back. */
function expectThreeMoves(): void {
  const steps = ['target moved', 'resolved', 'serial', 'NOTIFY', 'transfer', 'secondary answers'];
  const moves = said.split(/^Move \d of 3: /m).slice(1);
  expect(moves).toHaveLength(3);
  for (const [index, text] of moves.entries()) {
    const lines = [...text.matchAll(/^ +(\d+) ms {2}(\w+(?: \w+)?) +(.*)$/gm)];
    expect(lines.map(([, , step]) => step)).toEqual(steps);
    const times = lines.map(([, ms]) => Number(ms));
    expect(times.at(0)).toBe(0);
    expect(times.at(-1)).toBeGreaterThanOrEqual(times[1] ?? Infinity);
    expect(lines.at(-1)?.[3]).toBe(`example.com. A 192.0.2.${11 + index}, AAAA 2001:db8::${11 + index}`);
    expect(lines[4]?.[3]).toMatch(/^IXFR, serial \d+ -> \d+, 8 records, \d+ octets, signed with demo-key$/);
  }
}

test('without a server installed: three moves followed by the small secondary, exit 0, nothing left behind', async () => {
  const begun = performance.now();
  expect(await statusOf(start({ DEMO_SECONDARY: 'own' })), said).toBe(0);
  expect(performance.now() - begun).toBeLessThan(MINUTE);
  expectThreeMoves();
  expect(said).toContain('3 moves, 3 serials, the small secondary followed each');
  expect(said).toMatch(/How to go on[\s\S]*npm start[\s\S]*secondary config ns1 --for nsd/);
  expect(said).not.toContain('\u001b');
  expect(said).not.toContain('"level"');
  await expectNothingLeft();
}, 90_000);

test.skipIf(!installed('nsd'))(
  'with NSD, by the configuration that the command line prints',
  async () => {
    expect(await statusOf(start({ DEMO_SECONDARY: 'nsd' })), said).toBe(0);
    expectThreeMoves();
    expect(said).toContain('NSD followed each');
    await expectNothingLeft();
  },
  90_000,
);

test.skipIf(!installed('nsd'))(
  'a secondary that ends in the middle: exit 1, saying which step of which move',
  async () => {
    const child = start({ DEMO_SECONDARY: 'nsd' });
    await saying('Move 2 of 3');
    const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,args='], { maxBuffer: 1 << 24 });
    const servers = stdout.split('\n').filter((line) => line.includes(folder) && /\bnsd -d\b/.test(line));
    expect(servers.length).toBeGreaterThan(0);
    for (const line of servers) process.kill(Number.parseInt(line, 10), 'SIGKILL');
    expect(await statusOf(child)).toBe(1);
    expect(said).toMatch(/^error: move 2, \w+: expected NSD to run; it ended$/m);
    expect(said).not.toContain('nothing is left behind');
    await expectNothingLeft();
  },
  90_000,
);

test.each(['upstream', 'Move 1 of 3'])(
  'interrupted at "%s", twice as npm does it: nothing left behind',
  async (moment) => {
    const child = start({ DEMO_SECONDARY: 'own' });
    await saying(moment);
    child.kill('SIGINT');
    child.kill('SIGINT');
    expect(await statusOf(child), said).toBe(130);
    expect(said).toContain('SIGINT: cleaning up');
    await expectNothingLeft();
  },
  60_000,
);

test('a secondary that is none is refused with what may stand there', async () => {
  expect(await statusOf(start({ DEMO_SECONDARY: 'djbdns' }))).toBe(1);
  expect(said).toMatch(/^error: DEMO_SECONDARY: got "djbdns", takes nsd, knot, bind or own$/m);
});
