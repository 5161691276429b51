import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The full path of a program on PATH, or where servers lie that an ordinary user's PATH leaves out. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...SERVER_FOLDERS];
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

const SERVER_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/sbin', '/opt/homebrew/sbin'];
const STOP_DEADLINE = 3_000; // ms between SIGTERM and SIGKILL

/** A program in a process group of its own, so that nothing of it outlives the demo. */
export class OwnProcess {
  readonly #child: ChildProcess;
  readonly #gone: Promise<void>;
  #said = '';

  constructor(command: string, args: readonly string[], folder: string) {
    this.#child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const keep = (text: string) => {
      this.#said = (this.#said + text).slice(-20_000);
    };
    this.#child.stdout?.setEncoding('utf8').on('data', keep);
    this.#child.stderr?.setEncoding('utf8').on('data', keep);
    this.#gone = new Promise((resolve) => {
      this.#child.once('exit', () => resolve());
      this.#child.once('error', (error) => {
        keep(`${error.message}\n`);
        resolve();
      });
    });
    running.add(this);
  }

  get ended(): boolean {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** What it said on both outputs. */
  log(): string {
    return this.#said.trimEnd();
  }

  /** Ends it, in order first and by force after a deadline. */
  async stop(): Promise<void> {
    if (!this.ended) this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.kill(), STOP_DEADLINE);
    await this.#gone;
    clearTimeout(timer);
    this.kill();
    running.delete(this);
  }

  /** Ends the whole group at once. */
  kill(): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // nobody is left in the group
    }
  }
}

const running = new Set<OwnProcess>();
// the last resort, should the demo itself break
process.on('exit', () => {
  for (const one of running) one.kill();
});

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
