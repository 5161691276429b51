/** The disk of PostgreSQL is full. It is a tmpfs of its own, for which this has to be root. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, test } from 'vitest';
import { messageOf } from '../../src/errors.ts';
import { OwnPostgres } from '../support/own-postgres.ts';
import { LONG } from './support/fault.ts';
import { onStage } from './support/on-stage.ts';

const folder = mkdtempSync(join(tmpdir(), 'zoneferry-disk-'));
const problem = mount();
let mounted = false;
const unmount = () => {
  if (mounted) execFileSync('umount', ['--lazy', folder]);
  mounted = false;
};
// tried, and taken back at once: where no test of this file is to run, nothing after them is called
mounted = problem === undefined;
unmount();
afterAll(async () => {
  unmount();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

const scenario = onStage(async () => {
  mounted = mount() === undefined;
  chmodSync(folder, 0o711);
  const data = join(folder, 'postgres');
  mkdirSync(data);
  return {
    processes: { whole: ['transfer', 'worker', 'scheduler', 'api'] },
    secondaries: ['knot'],
    postgres: await OwnPostgres.start(
      { max_wal_size: '48MB', min_wal_size: '32MB', wal_recycle: 'off' },
      data,
    ),
  };
});

if (problem !== undefined) test.skip(`the disk is full: not tried, as no tmpfs can be mounted (${problem})`);
else
  scenario('the disk of PostgreSQL is full, and has room again', async (stage) => {
    const times = LONG ? 5 : 1;
    const ballast = join(folder, 'ballast');
    for (let time = 0; time < times; time++) {
      await fill(ballast);
      // no room for a log file is enough to stop the server; with less bad luck, it goes on to refuse what it has no room for
      for (const end = performance.now() + 6_000; performance.now() < end; await pause(200))
        await fill(ballast);
      await rm(ballast);
      if (!stage.postgres.running) await stage.postgres.start();
      await pause(2_000);
    }
    return times;
  });

function mount(): string | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=160m', 'tmpfs', folder], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return messageOf(error).split('\n').at(-1);
  }
}

/** Appends until nothing more goes in. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'a');
  const piece = Buffer.alloc(65_536);
  try {
    for (;;) await file.write(piece);
  } catch {
    // it is full
  } finally {
    await file.close();
  }
}
