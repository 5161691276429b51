import { createServer, type Server } from 'node:http';
import type { Endpoint } from '../endpoint.ts';
import { formatEndpoint } from '../endpoint.ts';
import { UserError } from '../errors.ts';

export interface HealthOptions {
  listen: Endpoint;
  /** Why the process can't do its work just now; none where it can. */
  reasons(): Promise<string[]>;
}

/**
 * `GET /healthz`: 200 while the process lives. `GET /readyz`: 200, or 503 with the reasons while it can't do its work.
 * Foreign `Host` headers are refused, so that no page of another site reads it through a browser.
 */
export class HealthServer {
  readonly #options: HealthOptions;
  readonly #server: Server;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#server = createServer(
      { requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 5_000 },
      (request, response) => {
        const answer = (status: number, body: object) => {
          response.writeHead(status, {
            'content-type': 'application/json; charset=utf-8',
            'cache-control': 'no-store',
          });
          response.end(request.method === 'HEAD' ? undefined : `${JSON.stringify(body)}\n`);
        };
        const error = (status: number, code: string, message: string) =>
          answer(status, { status: 'error', error: { code, message } });
        if (request.method !== 'GET' && request.method !== 'HEAD')
          return error(405, 'method_not_allowed', 'GET and HEAD are answered here');
        const path = request.url?.split('?')[0];
        if (path === '/healthz') return answer(200, { status: 'success', data: { alive: true } });
        if (path !== '/readyz') return error(404, 'not_found', 'here are /healthz and /readyz');
        return this.#options.reasons().then(
          (reasons) =>
            reasons.length === 0
              ? answer(200, { status: 'success', data: { ready: true } })
              : answer(503, { status: 'error', error: { code: 'not_ready', message: reasons.join('; ') } }),
          () => error(503, 'not_ready', 'the state could not be read'),
        );
      },
    );
    this.#server.maxConnections = 200;
  }

  /** @throws UserError where the address or port can't be had */
  start(): Promise<void> {
    const { listen } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) =>
        reject(
          new UserError(
            `HTTP_LISTEN: got "${formatEndpoint(listen)}", takes a free address and port (${error.code === 'EADDRINUSE' ? 'something else listens there' : error.message})`,
          ),
        ),
      );
      this.#server.listen(listen.port, listen.ip, () => resolve());
    });
  }

  /** Where it listens: the port where 0 was asked for. */
  port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}
