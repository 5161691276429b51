import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { UserError } from '../../errors.ts';
import { type Counted, sumCounted } from '../../http/metrics.ts';
import type { Log } from '../../log.ts';
import type { ChildMessage, Told } from './tell.ts';

/** Set for the processes started here; they share their ports with one another. */
export const SHARES_PORTS = 'ZONEFERRY_SHARES_PORTS';

const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 10_000;
/** One that tells nothing for so long hangs: it tells something each second. */
const SILENT_AFTER_MS = 10_000;
const SHORTEST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5_000;
/** A process that lived for so long is started again at once when it ends. */
const STEADY_AFTER_MS = 30_000;
const NOTHING: Told = { problems: [], counted: [] };

/** One process of the role `transfer`, started again whenever it ends. */
export class TransferProcess {
  readonly #number: number;
  readonly #log: Log;
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  #ready = false;
  #told: Told = NOTHING;
  #before: Promise<Counted> = Promise.resolve([]);
  #heardAt = 0;
  #backoff = SHORTEST_BACKOFF_MS;
  #stopping = false;
  #again: NodeJS.Timeout | undefined;
  readonly #killAtExit = () => this.#child?.kill('SIGKILL');

  constructor(number: number, log: Log) {
    this.#number = number;
    this.#log = log;
  }

  /** Why it can't do its work just now, in words that name it. */
  problems(): string[] {
    const name = `transfer process ${this.#number}`;
    if (!this.#ready) return [`${name} is not up`];
    const silentFor = performance.now() - this.#heardAt;
    if (silentFor > SILENT_AFTER_MS)
      return [`${name} has said nothing for ${Math.round(silentFor / 1000)} s`];
    return this.#told.problems.map((problem) => `${name}: ${problem}`);
  }

  /** What it and those before it have counted, as it told last. */
  async counted(): Promise<Counted[]> {
    const before = await this.#before;
    return [before, this.#told.counted];
  }

  /**
   * Resolves when it serves.
   *
   * @throws UserError where it ends before that; it has said why
   */
  async start(): Promise<void> {
    process.once('exit', this.#killAtExit);
    const serves = this.#spawn();
    const isUp = await Promise.race([
      serves,
      this.#gone.then(() => false),
      pause(READY_WITHIN_MS, false, { ref: false }),
    ]);
    if (!isUp)
      throw new UserError(
        `transfer process ${this.#number} did not come up; what it says stands before this`,
      );
    void this.#gone.then(() => this.#ended());
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#again);
    this.#child?.kill('SIGTERM');
    const late = setTimeout(() => this.#child?.kill('SIGKILL'), STOP_WITHIN_MS);
    await this.#gone;
    clearTimeout(late);
    process.off('exit', this.#killAtExit);
  }

  /** Resolves with true when it serves. */
  #spawn(): Promise<true> {
    const { promise, resolve } = Promise.withResolvers<true>();
    const startedAt = performance.now();
    const command = [...process.execArgv, process.argv[1] ?? '', 'serve', '--roles', 'transfer'];
    // a group of its own: what is typed at the terminal is for the one that started it
    const child = spawn(process.execPath, command, {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, [SHARES_PORTS]: 'on' },
      detached: true,
    });
    this.#child = child;
    child.on('message', (message: ChildMessage) => {
      this.#heardAt = performance.now();
      if ('problems' in message) this.#told = message;
      else {
        this.#ready = true;
        resolve(true);
      }
    });
    this.#gone = new Promise((gone) => {
      child.once('error', () => gone());
      child.once('exit', (code, signal) => {
        this.#ready = false;
        // its counts stay, as counters never go back
        const { counted } = this.#told;
        this.#before = this.#before.then((before) => sumCounted([before, counted]));
        this.#told = NOTHING;
        if (performance.now() - startedAt > STEADY_AFTER_MS) this.#backoff = SHORTEST_BACKOFF_MS;
        if (!this.#stopping)
          this.#log.error({ process: this.#number, code, signal }, `transfer process ${this.#number} ended`);
        gone();
      });
    });
    return promise;
  }

  #ended(): void {
    if (this.#stopping) return;
    this.#again = setTimeout(() => {
      this.#log.info({ process: this.#number }, `transfer process ${this.#number} is started again`);
      void this.#spawn();
      void this.#gone.then(() => this.#ended());
    }, this.#backoff);
    this.#backoff = Math.min(this.#backoff * 2, LONGEST_BACKOFF_MS);
  }
}
