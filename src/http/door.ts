import { constants } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import type { FastifyServerFactory } from 'fastify';
import { endsOf } from '../endpoint.ts';
import type { Log } from '../log.ts';
import { CredentialFollower } from '../transfer/tls/credentials.ts';

const LOOK_EVERY = 1_000; // ms
/** For the whole of a handshake, whatever is sent meanwhile. */
const HANDSHAKE = 10_000; // ms

/** In milliseconds, of either kind of server. */
export const timeouts = {
  requestTimeout: 30_000,
  connectionTimeout: 120_000,
  keepAliveTimeout: 5_000,
} as const;

/**
 * Of either kind of server; in milliseconds until the head of a request is whole, and between looks at these deadlines. The guard asks
 * for a Host, in words.
 */
export const parserOptions = {
  headersTimeout: 10_000,
  requestTimeout: timeouts.requestTimeout,
  connectionsCheckingInterval: 1_000,
  requireHostHeader: false,
} as const;

/** Where requests come in: undefined is the framework's own server, for plain HTTP. */
export interface Door {
  serverFactory: FastifyServerFactory | undefined;
  close(): void;
}

/**
 * Opens the way in over TLS 1.2 or later where a certificate is set, and follows its files: a renewed one is in force without a
 * restart.
 *
 * @throws UserError that names the setting whose file can't be used
 */
export async function openDoor({
  tls,
  log,
}: {
  tls?: { cert: string; key: string };
  log: Log;
}): Promise<Door> {
  if (!tls) return { serverFactory: undefined, close: () => {} };
  const server: Server = createServer({ ...bounds, handshakeTimeout: HANDSHAKE, ...parserOptions });
  boundHandshakes(server);
  const follower = new CredentialFollower(
    { ...tls, settings: 'HTTP_TLS' },
    {
      log,
      everyMs: LOOK_EVERY,
      onChange: (material) => server.setSecureContext({ ...material, ...bounds }),
    },
  );
  await follower.start();
  return {
    serverFactory: (handler) => {
      server.keepAliveTimeout = timeouts.keepAliveTimeout;
      server.setTimeout(timeouts.connectionTimeout);
      server.on('request', handler);
      // what the framework uses of it, both kinds of server have
      return server as unknown as ReturnType<FastifyServerFactory>;
    },
    close: () => follower.stop(),
  };
}

/** A client that negotiates anew has us sign anew, in a request of its own that never ends. */
const bounds = { minVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_RENEGOTIATION } as const;

/** The server's own deadline starts anew with each octet, and those of requests begin behind the handshake. */
function boundHandshakes(server: Server): void {
  const underWay = new Map<string, NodeJS.Timeout>();
  server.on('connection', (socket: Socket) => {
    const ends = endsOf(socket);
    const timer = setTimeout(() => socket.destroy(), HANDSHAKE);
    underWay.set(ends, timer);
    socket.once('close', () => {
      clearTimeout(timer);
      if (underWay.get(ends) === timer) underWay.delete(ends);
    });
  });
  server.on('secureConnection', (socket) => {
    clearTimeout(underWay.get(endsOf(socket)));
    underWay.delete(endsOf(socket));
  });
}
