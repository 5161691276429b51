import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A way to PostgreSQL that can be made bad. It knows a connection by its `application_name`, which stands in its first packet.
 */
export class PostgresProxy {
  /** Milliseconds that each piece from the server waits, by the application's name. */
  delay: (application: string) => number = () => 0;
  /** Whether a connection is let through. */
  admits: (application: string) => boolean = () => true;
  /** Nothing passes in either direction while it is set; connections stay open. */
  silent = false;
  readonly url: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  static async start(databaseUrl: string): Promise<PostgresProxy> {
    const target = new URL(databaseUrl);
    const server = createServer((client) => proxy.#pass(client, target));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const url = new URL(databaseUrl);
    url.hostname = '127.0.0.1';
    url.port = String(typeof address === 'object' ? address?.port : '');
    const proxy = new PostgresProxy(server, url.href);
    return proxy;
  }

  /** Breaks every open connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #pass(client: Socket, target: URL): void {
    const server = connect({ host: target.hostname, port: Number(target.port), noDelay: true });
    client.setNoDelay(true);
    let application = '';
    const toServer = this.#courier(server, () => 0);
    const toClient = this.#courier(client, () => this.delay(application));
    client.on('data', (chunk) => {
      if (application === '') {
        application = /application_name\0([^\0]*)/.exec(chunk.toString('latin1'))?.[1] ?? '?';
        if (!this.admits(application)) {
          client.destroy();
          return;
        }
      }
      toServer(chunk);
    });
    server.on('data', toClient);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }

  /** Hands pieces on in their order, each after its delay and not while all is silent. */
  #courier(to: Socket, delay: () => number): (chunk: Buffer) => void {
    let last = Promise.resolve();
    return (chunk) => {
      const wait = delay();
      const before = last;
      last = (async () => {
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
        await before;
        while (this.silent && !to.destroyed) await new Promise((resolve) => setTimeout(resolve, 5));
        if (!to.destroyed) to.write(chunk);
      })();
    };
  }
}
