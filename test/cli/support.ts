import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type CommandResult, environmentOf, runCommand } from '../support/service.ts';
import { type TestStore, testStore } from '../support/store.ts';

/** Commands on a database and in a folder of a test's own. */
export interface TestCli {
  store: TestStore;
  folder: string;
  run(...args: string[]): Promise<CommandResult>;
  /** Expects exit status 0; gives standard output. */
  ok(...args: string[]): Promise<string>;
  /** Expects exit status 0 and one JSON document. */
  json<T = Record<string, unknown>>(...args: string[]): Promise<T>;
  /** Expects this exit status, nothing on standard output and one line "error: …"; gives that line. */
  fails(status: 1 | 2, ...args: string[]): Promise<string>;
  /** Writes a file into the folder; gives its path. */
  file(name: string, text: string): Promise<string>;
  close(): Promise<void>;
}

export async function testCli(settings: Record<string, string> = {}): Promise<TestCli> {
  const store = await testStore();
  const folder = await mkdtemp(join(tmpdir(), 'zoneferry-cli-'));
  const environment = environmentOf({
    DATABASE_URL: store.url,
    RESOLVERS: '127.0.0.1:9',
    ...settings,
  });
  const run = (...args: string[]) => runCommand(args, { folder, environment });
  const ok = async (...args: string[]) => {
    const { status, stdout, stderr } = await run(...args);
    expect({ status, stderr }, args.join(' ')).toMatchObject({ status: 0 });
    return stdout;
  };
  return {
    store,
    folder,
    run,
    ok,
    json: async (...args) => JSON.parse(await ok(...args, '--json')),
    fails: async (expected, ...args) => {
      const { status, stdout, stderr } = await run(...args);
      expect({ status, stdout }, `${args.join(' ')}: ${stderr}`).toEqual({ status: expected, stdout: '' });
      const errors = stderr.split('\n').filter((line) => line.startsWith('error: '));
      expect(errors, stderr).toHaveLength(1);
      expect(stderr.trimEnd().split('\n').at(-1)).toBe(errors[0]);
      return errors[0] ?? '';
    },
    file: async (name, text) => {
      const path = join(folder, name);
      await writeFile(path, text);
      return path;
    },
    close: async () => {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
