import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { type FastifyInstance, fastify } from 'fastify';
import { type Endpoint, formatEndpoint } from '../endpoint.ts';
import { messageOf, UserError } from '../errors.ts';
import { board } from './board.ts';
import { nameChanges } from './change.ts';
import { boundConnections } from './connections.ts';
import { type Door, openDoor, parserOptions, timeouts } from './door.ts';
import { answerNoPath, answerNoRequest } from './early.ts';
import { answerError, nothingAt } from './errors.ts';
import { callerOf, guard } from './guard.ts';
import { secureHeaders } from './headers.ts';
import { health } from './health.ts';
import { page } from './page.ts';
import { traceRequests } from './request-spans.ts';
import type { Rooms } from './rooms.ts';
import { type PerZone, scraper } from './scrape.ts';
import { Sessions } from './session.ts';
import { success } from './v1/common.ts';
import { convergenceRoutes } from './v1/convergence.ts';
import { eventRoutes } from './v1/events.ts';
import { guardRoutes } from './v1/guards.ts';
import { historyRoutes } from './v1/history.ts';
import { jobRoutes } from './v1/jobs.ts';
import { keyRoutes } from './v1/keys.ts';
import { recordRoutes } from './v1/records.ts';
import { secondaryRoutes } from './v1/secondaries.ts';
import { statusRoutes } from './v1/status.ts';
import { zoneRoutes } from './v1/zones.ts';

export interface HttpOptions extends Rooms {
  listen: Endpoint;
  /** Certificate and key of HTTPS, paths of PEM files; unset: plain HTTP. */
  tls?: { cert: string; key: string };
  /** The bearer token; unset: whoever reaches loopback may do all. */
  token?: string;
  /** Requests a second of each token, and of each address without one; 0: no bound. */
  rate: number;
  /** Connections at once. */
  connections: number;
  version: string;
  perZone: PerZone;
  /** Why the process can't do its work just now; none where it can. */
  reasons(): Promise<string[]>;
}

const BODY_LIMIT = 1024 * 1024; // octets

/** The HTTP side of the service: API, its documents, health. */
export class HttpServer {
  readonly #app: FastifyInstance;
  readonly #listen: Endpoint;

  private constructor(app: FastifyInstance, listen: Endpoint) {
    this.#app = app;
    this.#listen = listen;
  }

  /** @throws UserError where the address or port can't be had */
  static async start(options: HttpOptions): Promise<HttpServer> {
    const { listen } = options;
    const door = await openDoor(options);
    const app = await build(options, door);
    try {
      await app.listen({ host: listen.ip, port: listen.port });
    } catch (error) {
      await app.close();
      const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      throw new UserError(
        `HTTP_LISTEN: got "${formatEndpoint(listen)}", takes a free address and port (${taken ? 'something else listens there' : messageOf(error)})`,
      );
    }
    return new HttpServer(app, listen);
  }

  /** Where it listens: the port where 0 was asked for. */
  port(): number {
    const address = this.#app.server.address();
    return typeof address === 'object' && address ? address.port : this.#listen.port;
  }

  async stop(): Promise<void> {
    await this.#app.close();
  }
}

async function build(options: HttpOptions, { serverFactory, close }: Door): Promise<FastifyInstance> {
  const app = fastify({
    ...(serverFactory ? { serverFactory } : {}),
    logger: false,
    bodyLimit: BODY_LIMIT,
    ...timeouts,
    http: parserOptions,
    forceCloseConnections: true,
    clientErrorHandler: answerNoRequest,
    frameworkErrors: answerNoPath,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1_100 },
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allowUnionTypes: true } },
  });
  boundConnections(app.server, options.connections);
  app.addHook('onClose', async () => close());
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, options.log));
  app.setNotFoundHandler((request) => {
    throw nothingAt(request);
  });
  readNumbers(app);
  takeEmptyBodies(app);
  secureHeaders(app);
  if (options.tracing) traceRequests(app, options.tracing);
  const sessions = options.token === undefined ? undefined : new Sessions(options.token, options);
  guard(app, { ...options, ...(sessions ? { sessions } : {}) });
  nameChanges(app);
  await documents(app, options);
  health(app, options.reasons, options.token === undefined);
  page(app);
  await board(app, options.queues);
  const scrape = scraper(options.metrics, options.perZone, options);
  app.get(
    '/metrics',
    { schema: { tags: ['metrics'], summary: 'Metrics as Prometheus reads them' } },
    async (_request, reply) => {
      reply.type(options.metrics.registry.contentType);
      return scrape();
    },
  );
  await app.register(
    async (v1) => {
      zoneRoutes(v1, options);
      historyRoutes(v1, options);
      recordRoutes(v1, options);
      secondaryRoutes(v1, options);
      keyRoutes(v1, options);
      jobRoutes(v1, options);
      statusRoutes(v1, options);
      eventRoutes(v1, options);
      guardRoutes(v1, options);
      convergenceRoutes(v1, options);
      v1.post(
        '/session',
        { schema: { tags: ['status'], summary: "Open the queue's board to this browser for twelve hours" } },
        async (request, reply) => {
          sessions?.open(reply, callerOf(request));
          return success({ message: '/queues is open to this browser' });
        },
      );
    },
    { prefix: '/v1' },
  );
  await app.ready();
  return app;
}

/** What is a number in a query. */
const NUMBERS = ['limit', 'minutes', 'step'] as const;

/** A query is text alone: numbers are read from it here, as bodies are never bent into their types. */
function readNumbers(app: FastifyInstance): void {
  app.addHook('preValidation', async (request) => {
    const query = request.query as Record<string, unknown>;
    for (const name of NUMBERS) {
      const value = query[name];
      if (typeof value === 'string' && /^-?\d{1,9}$/.test(value)) query[name] = Number(value);
    }
  });
}

/** No body at all is an empty object for who asks for nothing in particular, whatever type it claims. */
function takeEmptyBodies(app: FastifyInstance): void {
  app.removeContentTypeParser(['application/json', 'text/plain']);
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (String(body).trim() === '') done(null, undefined);
    else parse(request, String(body), done);
  });
  app.addHook('preValidation', async (request) => {
    if (request.body === undefined && request.method === 'POST') request.body = {};
  });
}

async function documents(app: FastifyInstance, { token, version }: HttpOptions): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Zoneferry',
        version,
        description: 'Zones, records, secondaries and keys; resyncs and their jobs; the state of it all.',
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      ...(token === undefined ? {} : { security: [{ token: [] }] }),
    },
  });
  await app.register(swaggerUi, { routePrefix: '/docs' });
}
