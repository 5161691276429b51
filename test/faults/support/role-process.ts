import { freePort } from '../../support/secondaries/ports.ts';
import { ServerProcess } from '../../support/secondaries/server-process.ts';
import { BIN, environmentOf } from '../../support/service.ts';

/** A `zoneferry serve` with some roles, that may die and come again: on the same ports, with the same settings. */
export class RoleProcess {
  readonly name: string;
  readonly roles: readonly string[];
  readonly dns: { ip: string; port: number };
  readonly http: { ip: string; port: number };
  /** The settings of the next start, and what else its environment has. */
  settings: Record<string, string>;
  /** Of another release; by default this one. */
  bin: string | undefined;
  readonly #folder: string;
  #server: ServerProcess | undefined;
  /** The one that said so. */
  #ready: ServerProcess | undefined;
  #said = '';

  private constructor(
    name: string,
    roles: readonly string[],
    ports: { dns: number; http: number },
    place: { folder: string; settings: Record<string, string> },
  ) {
    this.name = name;
    this.roles = roles;
    this.dns = { ip: '127.0.0.1', port: ports.dns };
    this.http = { ip: '127.0.0.1', port: ports.http };
    this.#folder = place.folder;
    this.settings = {
      DNS_LISTEN: `127.0.0.1:${ports.dns}`,
      HTTP_LISTEN: `127.0.0.1:${ports.http}`,
      ...place.settings,
    };
  }

  static async make(
    name: string,
    roles: readonly string[],
    place: { folder: string; settings: Record<string, string> },
  ): Promise<RoleProcess> {
    return new RoleProcess(name, roles, { dns: await freePort(), http: await freePort() }, place);
  }

  get serves(): boolean {
    return this.roles.includes('transfer');
  }

  get running(): boolean {
    return this.#server !== undefined && !this.#server.ended;
  }

  get pid(): number {
    return this.#server?.pid ?? 0;
  }

  /** How the last one ended; undefined while it runs. */
  get exit(): { status: number | null; signal: string | null } | undefined {
    return this.#server?.exit;
  }

  /** Starts it; returns at once. */
  start(): void {
    this.#said = this.log().slice(-200_000);
    this.#server = new ServerProcess(
      process.execPath,
      [this.bin ?? BIN, 'serve', '--roles', this.roles.join(',')],
      { folder: this.#folder, environment: environmentOf(this.settings) },
    );
  }

  /** Waits until it says that it is ready. */
  async ready(deadlineMs = 60_000): Promise<void> {
    const server = this.#server;
    if (server === undefined || this.#ready === server) return;
    await server.until(async () => server.log().includes('"msg":"ready"'), deadlineMs);
    this.#ready = server;
  }

  signal(name: NodeJS.Signals): void {
    if (this.running) process.kill(this.pid, name);
  }

  /** `kill -9`; returns when it is gone. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#server?.stop();
  }

  /** SIGTERM: whether it ended by itself within the deadline. */
  async stop(deadlineMs = 30_000): Promise<boolean> {
    return (await this.#server?.stop(deadlineMs)) ?? true;
  }

  /** All that it said, of its earlier lives too. */
  log(): string {
    return this.#said + (this.#server?.log() ?? '');
  }
}
