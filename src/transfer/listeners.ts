import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { type Endpoint, formatEndpoint } from '../endpoint.ts';
import { messageOf, UserError } from '../errors.ts';

export interface ListenerHandlers {
  onConnection(socket: Socket): void;
  onDatagram(socket: UdpSocket, message: Buffer, from: RemoteInfo): void;
}

interface Listener {
  readonly endpoint: Endpoint;
  readonly tcp: Server;
  readonly udp: UdpSocket;
}

/** The sockets of the server: TCP and UDP on each endpoint, the same port for both. */
export class Listeners {
  readonly #endpoints: readonly Endpoint[];
  readonly #handlers: ListenerHandlers;
  readonly #sharesPorts: boolean;
  #open: Listener[] = [];

  /** @param sharesPorts other processes may listen there too */
  constructor(endpoints: readonly Endpoint[], handlers: ListenerHandlers, sharesPorts = false) {
    this.#endpoints = endpoints;
    this.#handlers = handlers;
    this.#sharesPorts = sharesPorts;
  }

  /**
   * Opens all of them or none.
   *
   * @throws UserError where an address or port can't be had
   */
  async start(): Promise<void> {
    try {
      for (const endpoint of this.#endpoints) this.#open.push(await this.#listen(endpoint));
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Where it listens, with the port that was given where 0 was asked for. */
  addresses(): Endpoint[] {
    return this.#open.map((listener) => listener.endpoint);
  }

  /** Takes no more connections. Datagrams can still be sent. */
  stopAccepting(): void {
    for (const { tcp } of this.#open) tcp.close();
  }

  /** Closes all sockets. Connections that were accepted are somebody else's. */
  async stop(): Promise<void> {
    const open = this.#open;
    this.#open = [];
    for (const { tcp, udp } of open) {
      if (tcp.listening) tcp.close();
      await new Promise<void>((resolve) => udp.close(resolve));
    }
  }

  async #listen(wanted: Endpoint): Promise<Listener> {
    for (let attempt = 1; ; attempt++) {
      const accept = (socket: Socket) => this.#handlers.onConnection(socket);
      const tcp = await listenTcp(wanted, 'DNS_LISTEN', accept, this.#sharesPorts);
      const endpoint = endpointOf(tcp, wanted);
      try {
        return { endpoint, tcp, udp: await this.#listenUdp(endpoint) };
      } catch (error) {
        tcp.close();
        // A free TCP port may be taken for UDP; the next one that the system gives need not be.
        if (wanted.port !== 0 || attempt >= ATTEMPTS) throw error;
      }
    }
  }

  async #listenUdp(endpoint: Endpoint): Promise<UdpSocket> {
    const isV6 = isIPv6(endpoint.ip);
    const socket = createSocket({
      type: isV6 ? 'udp6' : 'udp4',
      ipv6Only: isV6,
      reusePort: this.#sharesPorts,
      // Replies go to addresses: there is nothing to be looked up, and nothing to wait for.
      lookup: (address, _options, callback) => callback(null, address, isV6 ? 6 : 4),
    });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', (error) => reject(explain(error, endpoint, 'UDP', 'DNS_LISTEN')));
        socket.bind({ address: endpoint.ip, port: endpoint.port }, resolve);
      });
    } catch (error) {
      socket.close();
      throw error;
    }
    socket.removeAllListeners('error');
    socket.on('error', () => {});
    socket.on('message', (message, from) => this.#handlers.onDatagram(socket, message, from));
    enlargeBuffer(socket);
    return socket;
  }
}

/**
 * Listens for connections; those accepted may be half-closed.
 *
 * @param setting where the endpoint comes from
 * @param sharesPort other processes may listen there too
 * @throws UserError that names it, where the address or port can't be had
 */
export async function listenTcp(
  endpoint: Endpoint,
  setting: ListenSetting,
  onConnection: (socket: Socket) => void,
  sharesPort = false,
): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, onConnection);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(explain(error, endpoint, 'TCP', setting)));
    // ipv6Only: `::` beside `0.0.0.0` on one port.
    server.listen(
      {
        host: endpoint.ip,
        port: endpoint.port,
        backlog: BACKLOG,
        ipv6Only: true,
        reusePort: sharesPort,
      },
      resolve,
    );
  });
  server.removeAllListeners('error');
  // Out of file descriptors, say: the next connection may succeed.
  server.on('error', () => {});
  return server;
}

/** Where a server listens, with the port that was given where 0 was asked for. */
export function endpointOf(server: Server, wanted: Endpoint): Endpoint {
  const bound = server.address();
  return { ip: wanted.ip, port: typeof bound === 'object' && bound !== null ? bound.port : wanted.port };
}

type ListenSetting = 'DNS_LISTEN' | 'TLS_LISTEN';

const ATTEMPTS = 10;
// A fleet of secondaries comes at once after a NOTIFY.
const BACKLOG = 4096;
const RECEIVE_BYTES = 4 * 1024 * 1024;

function enlargeBuffer(socket: UdpSocket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_BYTES);
  } catch {
    // The system's own size will do.
  }
}

function explain(
  error: unknown,
  endpoint: Endpoint,
  protocol: 'TCP' | 'UDP',
  setting: ListenSetting,
): UserError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return new UserError(`${setting}: got "${formatEndpoint(endpoint)}", takes ${expected(code)}`, 1);

  function expected(reason: unknown): string {
    switch (reason) {
      case 'EADDRINUSE':
        return `a free port: this one is taken by another program (${protocol}); stop it or choose another`;
      case 'EADDRNOTAVAIL':
        return 'an address of this machine: it has none like this';
      case 'EACCES':
        return 'a port that this user may open: below 1024 that needs a right (CAP_NET_BIND_SERVICE)';
      default:
        return `an address and port that can be listened on: ${messageOf(error)} (${protocol})`;
    }
  }
}
