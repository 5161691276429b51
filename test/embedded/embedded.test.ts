import { spawn } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findEmbedded, removeEmbedded, startEmbedded } from '../../src/embedded/index.ts';
import { ask, type JoinedProcess, joinFrom, serverPid } from './support.ts';

const root = process.geteuid?.() === 0;
const NOBODY = { uid: 65534, gid: 65534 };

let base: string;
let folder: string;
let joined: JoinedProcess[];

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'zoneferry embedded-'));
  await chmod(base, 0o755);
  folder = join(base, "a folder's path");
  await mkdir(folder);
  joined = [];
});

afterEach(async () => {
  await Promise.all(joined.map((each) => each.kill()));
  await removeEmbedded(folder).catch(() => undefined);
  await rm(base, { recursive: true, force: true });
});

async function joinFolder(): Promise<JoinedProcess> {
  const each = await joinFrom(folder);
  joined.push(each);
  return each;
}

describe('who joins', () => {
  test('two processes at once get one server, and the last to leave stops it', async () => {
    const [one, two] = await Promise.all([joinFolder(), joinFolder()]);
    expect(one.line).toMatch(/^postgresql:\/\/zoneferry:[\w-]{20,}@127\.0\.0\.1:\d+\/zoneferry$/);
    expect(two.line).toBe(one.line);
    expect(await findEmbedded(folder)).toBe(one.line);
    await one.leave();
    expect(await ask(two.line, 'select 1')).toBe(1);
    await two.leave();
    expect(await serverPid(folder)).toBeUndefined();
    expect(await findEmbedded(folder)).toBeUndefined();
    await expect(ask(two.line, 'select 1')).rejects.toThrow();
    expect(await readdir(join(folder, '.zoneferry', 'users'))).toEqual([]);
  });

  test('shares within one process count each, and leaving twice is leaving once', async () => {
    const [one, two] = await Promise.all([startEmbedded(folder), startEmbedded(folder)]);
    await Promise.all([one.leave(), one.leave()]);
    expect(await ask(two.url, 'select 1')).toBe(1);
    await two.leave();
    expect(await findEmbedded(folder)).toBeUndefined();
  });

  test('processes that come and go at random never meet a stopped server', async () => {
    const visit = async () => {
      for (let round = 0; round < 4; round++) {
        const share = await startEmbedded(folder);
        expect(await ask(share.url, 'select 1')).toBe(1);
        await share.leave();
      }
    };
    await Promise.all([visit(), visit(), visit()]);
    expect(await serverPid(folder)).toBeUndefined();
  });

  test('data stay between runs, also where the folder was moved', async () => {
    const first = await startEmbedded(folder);
    await ask(first.url, 'create table kept as select 7 as n');
    await first.leave();
    const moved = join(base, 'moved');
    await rename(folder, moved);
    folder = moved;
    const second = await startEmbedded(folder);
    expect(await ask(second.url, 'select n from kept')).toBe(7);
    await second.leave();
  });
});

describe('what crashed', () => {
  test('a server left behind by kill -9 of its only user is adopted, and stopped by the next to leave', async () => {
    const lost = await joinFolder();
    await lost.kill();
    const pid = await serverPid(folder);
    expect(await ask(lost.line, 'select 1')).toBe(1);
    const next = await joinFolder();
    expect(next.line).toBe(lost.line);
    expect(await serverPid(folder)).toBe(pid);
    await next.leave();
    expect(await serverPid(folder)).toBeUndefined();
  });

  test('a user killed with -9 does not keep the server up', async () => {
    const [one, two] = await Promise.all([joinFolder(), joinFolder()]);
    await one.kill();
    await two.leave();
    expect(await serverPid(folder)).toBeUndefined();
  });

  test('a server killed with -9 is recovered with all that was committed', async () => {
    const lost = await joinFolder();
    await ask(lost.line, 'create table kept as select 7 as n');
    const pid = await serverPid(folder);
    process.kill(pid ?? 0, 'SIGKILL');
    await lost.kill();
    const next = await joinFolder();
    expect(await ask(next.line, 'select n from kept')).toBe(7);
    expect(await serverPid(folder)).not.toBe(pid);
    await next.leave();
  });

  test('a postmaster.pid whose number went to another process is no server', async () => {
    const share = await startEmbedded(folder);
    await share.leave();
    const data = join(folder, '.zoneferry', 'postgres', 'data');
    // A process of the database's own user: PostgreSQL takes it for a server, and another user's not.
    const { uid, gid } = await stat(data);
    const other = spawn('sleep', ['60'], { stdio: 'ignore', ...(root && { uid, gid }) });
    const lines = [other.pid, join(folder, 'x'), 1, 1, '', '127.0.0.1', '0 0', 'ready', ''];
    await writeFile(join(data, 'postmaster.pid'), lines.join('\n'));
    const next = await startEmbedded(folder);
    expect(await ask(next.url, 'select 1')).toBe(1);
    await next.leave();
    expect(other.exitCode ?? other.signalCode).toBeNull();
    other.kill();
  });

  test('an initdb cut short is done again', async () => {
    await (await startEmbedded(folder)).leave();
    const home = join(folder, '.zoneferry', 'postgres');
    await rename(join(home, 'data'), join(home, 'data.new'));
    await rm(join(home, 'data.new', 'global'), { recursive: true });
    const next = await startEmbedded(folder);
    expect(await ask(next.url, 'select 1')).toBe(1);
    await next.leave();
  });

  test('the lock of a process killed while it held it is broken', async () => {
    await (await startEmbedded(folder)).leave();
    const dead = { pid: 2 ** 22 - 1, started: 'x', token: 'dead' };
    await writeFile(join(folder, '.zoneferry', 'lock'), JSON.stringify(dead));
    await writeFile(join(folder, '.zoneferry', 'break-dead'), JSON.stringify({ ...dead, token: 'dead-too' }));
    const shares = await Promise.all([startEmbedded(folder), startEmbedded(folder), startEmbedded(folder)]);
    expect(new Set(shares.map((share) => share.url)).size).toBe(1);
    await Promise.all(shares.map((share) => share.leave()));
    expect((await readdir(join(folder, '.zoneferry'))).sort()).toEqual(
      ['.gitignore', 'postgres', 'postgres.log', 'server.json', 'users'].sort(),
    );
  });
});

describe('whose it is', () => {
  test('every file that holds or guards something is 0600, every folder closed to reading', async () => {
    const share = await startEmbedded(folder);
    const top = join(folder, '.zoneferry');
    for (const entry of await readdir(top, { withFileTypes: true, recursive: true })) {
      const { mode } = await stat(join(entry.parentPath, entry.name)).catch(() => ({ mode: 0o600 }));
      expect.soft(mode & (entry.isDirectory() ? 0o066 : 0o177), entry.name).toBe(0);
    }
    expect((await stat(top)).mode & 0o066).toBe(0);
    await share.leave();
  });

  test('a wrong password is refused', async () => {
    const share = await startEmbedded(folder);
    const url = new URL(share.url);
    url.password = 'guessed';
    await expect(ask(url.href, 'select 1')).rejects.toThrow('password authentication failed');
    await share.leave();
  });

  test.runIf(root)('.zoneferry/ of somebody else is refused in one line', async () => {
    await mkdir(join(folder, '.zoneferry'));
    await chown(join(folder, '.zoneferry'), NOBODY.uid, NOBODY.gid);
    const refused = await joinFolder();
    expect(refused.line).toMatch(/^error: .*\.zoneferry belongs to nobody, not to root: run as its owner/);
    await rm(join(folder, '.zoneferry'), { recursive: true });
  });

  test.runIf(root)('an ordinary user has a server of their own user', async () => {
    await chown(folder, NOBODY.uid, NOBODY.gid);
    const user = await joinFrom(folder, NOBODY);
    joined.push(user);
    expect(await ask(user.line, 'select 1')).toBe(1);
    expect((await stat(join(folder, '.zoneferry', 'postgres', 'data'))).uid).toBe(NOBODY.uid);
    await user.leave();
    expect(await serverPid(folder)).toBeUndefined();
  });

  test.runIf(root)('a user who may not write there is told so in one line', async () => {
    const refused = await joinFrom(folder, NOBODY);
    joined.push(refused);
    expect(refused.line).toMatch(/^error: .*\.zoneferry can't be made .*set DATABASE_URL$/);
  });

  test.runIf(root)("root's database lives elsewhere where its user can't enter the folder", async () => {
    await chmod(base, 0o700);
    const share = await startEmbedded(folder);
    await ask(share.url, 'create table kept as select 7 as n');
    await share.leave();
    const again = await startEmbedded(folder);
    expect(await ask(again.url, 'select n from kept')).toBe(7);
    expect(await ask(again.url, "select current_setting('data_directory')")).toMatch(
      /^\/var\/lib\/zoneferry\//,
    );
    await expect(removeEmbedded(folder)).rejects.toThrow('in use');
    await again.leave();
    await removeEmbedded(folder);
    expect(await readdir(folder)).toEqual([]);
  });
});
