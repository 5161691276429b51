import { constants } from 'node:crypto';
import type { Server, Socket } from 'node:net';
import { createServer, type SecureContextOptions, type TLSSocket, type Server as TlsServer } from 'node:tls';
import type { Endpoint } from '../endpoint.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { endpointOf, listenTcp } from './listeners.ts';
import type { Report } from './report.ts';
import type { Strangers } from './strangers.ts';
import { CredentialFollower, type TlsFiles, type TlsMaterial } from './tls/credentials.ts';
import { defaultHandshakeCaps, type HandshakeCaps, Handshakes } from './tls/handshakes.ts';

export interface TlsOptions extends TlsFiles {
  readonly listen: readonly Endpoint[];
  /** Milliseconds between looks at the files; default 1,000. */
  readonly lookEveryMs?: number;
  readonly caps?: Partial<HandshakeCaps>;
}

/**
 * The way in for XFR over TLS (RFC 9103): TLS 1.3 with the ALPN token `dot` on both sides, and with a certificate of
 * the client where an authority for it is set. What comes through is a connection like any other: who may have which
 * zone is decided by address and TSIG as over TCP (RFC 9103, 9).
 */
export class TlsDoor {
  readonly #endpoints: readonly Endpoint[];
  readonly #asksCertificate: boolean;
  readonly #sharesPorts: boolean;
  readonly #report: Report;
  readonly #onConnection: (socket: TLSSocket) => void;
  readonly #handshakes: Handshakes;
  readonly #credentials: CredentialFollower;
  readonly #tls: TlsServer;
  #open: { server: Server; endpoint: Endpoint }[] = [];

  constructor(
    options: TlsOptions,
    parts: {
      strangers: Strangers;
      report: Report;
      log: Log;
      sharesPorts?: boolean;
      onConnection: (socket: TLSSocket) => void;
    },
  ) {
    this.#endpoints = options.listen;
    this.#asksCertificate = options.clientCa !== undefined;
    this.#sharesPorts = parts.sharesPorts === true;
    this.#report = parts.report;
    this.#onConnection = parts.onConnection;
    const caps = { ...defaultHandshakeCaps, ...options.caps };
    this.#handshakes = new Handshakes({ strangers: parts.strangers, report: parts.report, caps });
    this.#credentials = new CredentialFollower(options, {
      log: parts.log,
      everyMs: options.lookEveryMs ?? LOOK_EVERY_MS,
      onChange: (material) => this.#tls.setSecureContext(contextOf(material)),
    });
    this.#tls = createServer({
      ...contextOf({}),
      ALPNProtocols: [ALPN],
      requestCert: this.#asksCertificate,
      // Judged in `#admit`, where the reason is known.
      rejectUnauthorized: false,
      // Our own deadline comes first; this one starts anew with each octet.
      handshakeTimeout: 2 * caps.handshakeMs,
    });
    this.#tls.on('secureConnection', (socket) => this.#admit(socket));
    this.#tls.on('tlsClientError', (error, socket) =>
      this.#handshakes.explain(socket, `TLS handshake: ${wordsOf(error)}`),
    );
  }

  /**
   * Reads certificate and key, and listens on all endpoints or on none.
   *
   * @throws UserError that names the setting, for files that can't be used and for addresses that can't be had
   */
  async start(): Promise<void> {
    await this.#credentials.start();
    try {
      for (const endpoint of this.#endpoints) {
        const accept = (socket: Socket) => this.#accept(socket);
        const server = await listenTcp(endpoint, 'TLS_LISTEN', accept, this.#sharesPorts);
        this.#open.push({ server, endpoint: endpointOf(server, endpoint) });
      }
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** Where it listens, with the port that was given where 0 was asked for. */
  addresses(): Endpoint[] {
    return this.#open.map(({ endpoint }) => endpoint);
  }

  /** Takes no more connections; those that are through are somebody else's. */
  stop(): void {
    this.#credentials.stop();
    this.#handshakes.cut();
    for (const { server } of this.#open.splice(0)) server.close();
  }

  #accept(socket: Socket): void {
    // tls.Server takes in connections that others have accepted.
    if (this.#handshakes.begin(socket)) this.#tls.emit('connection', socket);
  }

  #admit(socket: TLSSocket): void {
    const peer = this.#handshakes.end(socket);
    // Gone, or given up, in the same turn.
    if (peer === undefined || socket.destroyed) {
      socket.destroy();
      return;
    }
    const reason = this.#fault(socket);
    if (reason === undefined) {
      this.#onConnection(socket);
      return;
    }
    this.#report.turnedAway(peer, reason);
    socket.on('error', () => {});
    socket.destroy();
  }

  #fault(socket: TLSSocket): string | undefined {
    // RFC 9103, 7.1. A client that offers other tokens alone has failed before.
    if (socket.alpnProtocol !== ALPN) return `the client offers no ALPN, "${ALPN}" is expected`;
    if (!this.#asksCertificate) return undefined;
    if (socket.getPeerX509Certificate() === undefined) {
      return 'the client has no certificate, TLS_CLIENT_CA asks for one';
    }
    if (socket.authorized && !socket.isSessionReused()) return undefined;
    return `the client's certificate is not good for TLS_CLIENT_CA: ${String(socket.authorizationError)}`;
  }
}

/** RFC 7858, 3.1 and RFC 9103, 7.1. */
const ALPN = 'dot';
const LOOK_EVERY_MS = 1000;

function contextOf(material: TlsMaterial): SecureContextOptions {
  return {
    ...material,
    // RFC 9103, 7.2: TLS 1.3 or later.
    minVersion: 'TLSv1.3',
    // A resumed session would bring in who had a certificate once, under authorities that were replaced since.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}

function wordsOf(error: Error): string {
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'ECONNRESET') return 'the client left in the middle of it';
  const words = /^ERR_(?:SSL|TLS)_(\w+)$/.exec(code)?.[1];
  return words === undefined ? messageOf(error) : words.toLowerCase().replaceAll('_', ' ');
}
