import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const BIN = join(import.meta.dirname, '..', 'bin', 'zoneferry.js');

let home: string;
let bin: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'zoneferry bin-'));
  bin = join(home, 'bin', 'zoneferry.js');
  await cp(BIN, bin);
  await writeFile(join(home, 'package.json'), '{"type":"module"}');
});
afterEach(() => rm(home, { recursive: true }));

async function lay(file: string, text: string): Promise<void> {
  await mkdir(join(home, file, '..'), { recursive: true });
  await writeFile(join(home, file), text);
}

function run(...parameters: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, parameters, { cwd: tmpdir() }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

test('a clone runs its source, from any working directory and by a link, without warnings', async () => {
  await lay('src/cli.ts', "const text: string = 'source ' + process.argv.slice(2); console.log(text);");
  await lay('dist/cli.js', 'console.log("built");');
  expect(await run(bin, 'a', 'b')).toEqual({ code: 0, stdout: 'source a,b\n', stderr: '' });
  await symlink(bin, join(home, 'zoneferry'));
  expect(await run(join(home, 'zoneferry'))).toEqual({ code: 0, stdout: 'source \n', stderr: '' });
});

test('serve begins once more with less memory for young objects, as the same process, where nobody chose', async () => {
  await lay(
    'src/cli.ts',
    "console.log(process.ppid, process.execArgv.join(' '), process.argv.slice(2).join(' '));",
  );
  const parent = process.pid;
  const first = await run('--no-warnings', bin, 'serve', '--json');
  expect(first).toMatchObject({
    code: 0,
    stdout: `${parent} --max-semi-space-size=4 --no-warnings serve --json\n`,
  });
  const worker = await run(bin, 'serve', '--roles', 'worker,scheduler');
  expect(worker.stdout).toBe(`${parent} --max-semi-space-size=16 serve --roles worker,scheduler\n`);
  const both = await run(bin, 'serve', '--roles=transfer,worker');
  expect(both.stdout).toBe(`${parent} --max-semi-space-size=4 serve --roles=transfer,worker\n`);
  const chosen = await run('--max-semi-space-size=16', bin, 'serve');
  expect(chosen.stdout).toBe(`${parent} --max-semi-space-size=16 serve\n`);
  expect((await run(bin, 'status')).stdout).toBe(`${parent}  status\n`);
});

test('what was built runs where there is no source, or no TypeScript', async () => {
  await lay('dist/cli.js', 'console.log("built");');
  expect(await run(bin)).toEqual({ code: 0, stdout: 'built\n', stderr: '' });
  await lay('src/cli.ts', 'console.log("source");');
  expect(await run('--no-experimental-strip-types', bin)).toEqual({ code: 0, stdout: 'built\n', stderr: '' });
});

test('neither is one line and exit status 1', async () => {
  const { code, stdout, stderr } = await run(bin);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(
    /^error: zoneferry is not built .* run "npm run build" first, or use Node\.js 22\.18 or later\n$/,
  );
});

test('a Node that is too old is one line and exit status 1', async () => {
  await lay('dist/cli.js', 'console.log("built");');
  await lay('old.cjs', "Object.defineProperty(process.versions, 'node', { value: '20.20.2' });");
  const { code, stdout, stderr } = await run('--require', join(home, 'old.cjs'), bin);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^error: zoneferry needs Node\.js 22\.12 or later, this is v[\d.]+\n$/);
});
