import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';

/** A process that has joined the embedded server of a folder. */
export interface JoinedProcess {
  /** The first line it printed: the URL, or `error: …`. */
  readonly line: string;
  /** Lets it leave and end. */
  leave(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
}

/** Starts a process that joins; `as` runs it as that user. */
export async function joinFrom(
  folder: string,
  as: { uid?: number; gid?: number } = {},
): Promise<JoinedProcess> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'user.ts'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: '/',
    ...as,
  });
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, 'line', { signal: AbortSignal.timeout(50_000) })) as [string];
  const end = (signal: NodeJS.Signals) => async () => endWith(child, signal);
  return { line, leave: end('SIGTERM'), kill: end('SIGKILL') };
}

/** Asks the server one value. */
export async function ask(url: string, statement: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    const { rows } = await client.query({ text: statement, rowMode: 'array' });
    return rows[0]?.[0];
  } finally {
    await client.end();
  }
}

/** The server's process number; undefined when it is stopped in good order. */
export async function serverPid(folder: string): Promise<number | undefined> {
  const { home } = JSON.parse(await readFile(join(folder, '.zoneferry', 'server.json'), 'utf8'));
  const text = await readFile(join(folder, '.zoneferry', home, 'data', 'postmaster.pid'), 'utf8').catch(
    () => '',
  );
  return text === '' ? undefined : Number.parseInt(text, 10);
}

async function endWith(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit', { signal: AbortSignal.timeout(30_000) });
  child.kill(signal);
  await ended;
}
