import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The full path of a program, looked for in PATH and in the folders that an ordinary user's PATH leaves out. */
export function findProgram(name: string): string | undefined {
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/sbin',
    '/usr/local/sbin',
    '/sbin',
    '/opt/homebrew/sbin',
  ];
  return folders.map((folder) => join(folder, name)).find(executable);
}

/** A server run in the foreground in a process group of its own, with all that it says kept. */
export class ServerProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #gone: Promise<void>;
  #said = '';

  constructor(command: string, args: string[], options: { folder: string; environment?: NodeJS.ProcessEnv }) {
    this.name = command.slice(command.lastIndexOf('/') + 1);
    this.#child = spawn(command, args, {
      cwd: options.folder,
      env: { ...process.env, ...options.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const keep = (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString('utf8')).slice(-1_000_000);
    };
    this.#child.stdout?.on('data', keep);
    this.#child.stderr?.on('data', keep);
    this.#gone = new Promise((resolve) => {
      this.#child.once('exit', () => resolve());
      this.#child.once('error', (error) => {
        keep(Buffer.from(`${error.message}\n`));
        resolve();
      });
    });
    alive.add(this);
    this.#gone.then(() => alive.delete(this));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get ended(): boolean {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** How it ended; undefined while it runs. */
  get exit(): { status: number | null; signal: string | null } | undefined {
    if (!this.ended) return undefined;
    return { status: this.#child.exitCode, signal: this.#child.signalCode };
  }

  log(): string {
    return this.#said;
  }

  /** Waits until `ready` says so; an error with the server's own words when it ends before, or after `deadlineMs`. */
  async until(ready: () => Promise<boolean>, deadlineMs: number): Promise<void> {
    const end = Date.now() + deadlineMs;
    while (!(await ready())) {
      if (this.ended) throw new Error(`${this.name} ended at its start:\n${this.#said}`);
      if (Date.now() > end)
        throw new Error(`${this.name} is not ready after ${deadlineMs} ms:\n${this.#said}`);
      await sleep(25);
    }
  }

  /** SIGTERM, and SIGKILL for the whole group after the deadline. Returns when nothing of it is left: whether in time. */
  async stop(deadlineMs = 5_000): Promise<boolean> {
    if (!this.ended) this.#child.kill('SIGTERM');
    let inTime = true;
    const late = setTimeout(() => {
      inTime = false;
      this.killGroup();
    }, deadlineMs);
    await this.#gone;
    clearTimeout(late);
    this.killGroup();
    return inTime;
  }

  killGroup(): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // the group is empty: what we want
    }
  }
}

const alive = new Set<ServerProcess>();
process.on('exit', () => {
  for (const server of alive) server.killGroup();
});

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
