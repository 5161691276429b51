import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { formatEndpoint } from '../endpoint.ts';
import { UserError } from '../errors.ts';
import { Listeners, listenTcp } from '../transfer/listeners.ts';
import type { Shared } from './shared.ts';

/** Set for the processes started here; they share their ports with one another. */
export const SHARES_PORTS = 'ZONEFERRY_SHARES_PORTS';

/** What a transfer process tells the one that started it. */
export interface ChildMessage {
  ready: true;
}

const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 10_000;
const SHORTEST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5_000;
/** A process that lived for so long is started again at once when it ends. */
const STEADY_AFTER_MS = 30_000;

/**
 * The role `transfer` in `count` processes of their own, which share the ports: the system gives each connection and each client's
 * datagrams to one of them. Each is right alone. One that ends is started again; when this process ends, they do.
 */
export async function startTransferProcesses(shared: Shared, count: number): Promise<void> {
  const { config, log, onStop, onReady } = shared;
  for (const endpoint of [...config.dnsListen, ...(config.tls?.listen ?? [])])
    if (endpoint.port === 0)
      throw new UserError(
        `DNS_LISTEN: got "${formatEndpoint(endpoint)}", takes a port other than 0 for several processes`,
      );
  await refuseTakenPorts(shared);
  const children = Array.from({ length: count }, (_, index) => new TransferProcess(index + 1, log));
  onStop(() => Promise.all(children.map((child) => child.stop())));
  await Promise.all(children.map((child) => child.start()));
  onReady(() => {
    const up = children.filter((child) => child.isReady).length;
    return up < count ? `${up} of ${count} transfer processes are ready` : undefined;
  });
  log.info(
    {},
    `DNS on ${config.dnsListen.map(formatEndpoint).join(', ')}, TCP and UDP, by ${count} processes`,
  );
}

/** Ports that are shared can be had twice: another program's are only seen by who wants them alone. */
async function refuseTakenPorts({ config }: Shared): Promise<void> {
  const listeners = new Listeners(config.dnsListen, { onConnection: () => {}, onDatagram: () => {} });
  await listeners.start();
  await listeners.stop();
  for (const endpoint of config.tls?.listen ?? []) {
    const server = await listenTcp(endpoint, 'TLS_LISTEN', (socket) => socket.destroy());
    await new Promise((resolve) => server.close(resolve));
  }
}

class TransferProcess {
  readonly #number: number;
  readonly #log: Shared['log'];
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  #ready = false;
  #backoff = SHORTEST_BACKOFF_MS;
  #stopping = false;
  #again: NodeJS.Timeout | undefined;
  readonly #killAtExit = () => this.#child?.kill('SIGKILL');

  constructor(number: number, log: Shared['log']) {
    this.#number = number;
    this.#log = log;
  }

  get isReady(): boolean {
    return this.#ready;
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
      if (!message.ready) return;
      this.#ready = true;
      resolve(true);
    });
    this.#gone = new Promise((gone) => {
      child.once('error', () => gone());
      child.once('exit', (code, signal) => {
        this.#ready = false;
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
