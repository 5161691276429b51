import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { expect, test, vi } from 'vitest';
import { isAlive, thisProcess } from '../../src/embedded/process.ts';

test('this process lives, an earlier one of its number does not', async () => {
  const me = await thisProcess();
  expect(me.pid).toBe(process.pid);
  expect(await isAlive(me)).toBe(true);
  expect(await isAlive({ ...me, started: 'earlier' })).toBe(false);
  expect(await isAlive({ pid: 2 ** 22 + 1, started: '' })).toBe(false);
});

test.runIf(process.platform === 'linux')(
  'a process that died but that nobody has buried is dead',
  async () => {
    // The shell starts a child and becomes a program that never waits for it.
    const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(parent.stdout, 'data');
    const pid = Number(String(line));
    expect(await isAlive({ pid, started: '' })).toBe(true);
    await vi.waitFor(
      async () => expect(await readFile(`/proc/${pid}/stat`, 'utf8')).toContain(') Z '),
      5_000,
    );
    expect(await isAlive({ pid, started: '' })).toBe(false);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
  },
);
