import { createServer, type Server } from 'node:https';
import type { FastifyServerFactory } from 'fastify';
import type { Log } from '../log.ts';
import { CredentialFollower } from '../transfer/tls/credentials.ts';

const LOOK_EVERY = 1_000; // ms

/** In milliseconds, of either kind of server. */
export const timeouts = {
  requestTimeout: 30_000,
  connectionTimeout: 120_000,
  keepAliveTimeout: 5_000,
} as const;

/** In milliseconds, of either kind of server: until the head of a request is whole, and between looks at these deadlines. */
export const parserTimeouts = {
  headersTimeout: 10_000,
  requestTimeout: timeouts.requestTimeout,
  connectionsCheckingInterval: 1_000,
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
  const server: Server = createServer({ minVersion: 'TLSv1.2', handshakeTimeout: 10_000, ...parserTimeouts });
  const follower = new CredentialFollower(
    { ...tls, settings: 'HTTP_TLS' },
    {
      log,
      everyMs: LOOK_EVERY,
      onChange: (material) => server.setSecureContext({ ...material, minVersion: 'TLSv1.2' }),
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
