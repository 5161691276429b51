import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import { isLoopback } from '../endpoint.ts';
import type { Log } from '../log.ts';
import type { Pool } from '../store/pool.ts';
import { type Caller, everybody } from './caller.ts';
import { answerError, HttpError } from './errors.ts';
import { networkOf, RateLimit } from './rate-limit.ts';
import type { Sessions } from './session.ts';
import { TokenCheck } from './token-check.ts';

/** What answers without the token: no state of the service is among it. */
const OPEN = /^\/(healthz|readyz|docs(\/.*)?|page\/[a-z.]+)?$/;
/** What writes nothing, though it is asked by POST. */
const LOOKS = /^\/v1\/(resyncs\/plan|session)\/?$/;

export interface GuardOptions {
  /** API_TOKEN. Unset: whoever reaches this machine's loopback may do all. */
  token?: string;
  /** Of browsers at the queue's board, where there is a token. */
  sessions?: Sessions;
  /** Requests a second of each token, and of each address without one; 0: no bound. */
  rate: number;
  pool: Pool;
  clock: Clock;
  log: Log;
}

const callers = new WeakMap<FastifyRequest, Caller>();

/** Who sent a request that the guard has let in. */
export function callerOf(request: FastifyRequest): Caller {
  return callers.get(request) ?? everybody;
}

/** Refuses who may not ask, before a body is read. */
export function guard(app: FastifyInstance, options: GuardOptions): void {
  const check = options.token === undefined ? undefined : new TokenCheck(options.token, options);
  const limit = new RateLimit(options.rate, options.clock);
  app.addHook('onRequest', async (request, reply) => {
    try {
      refuseUnclearHost(request);
      const caller = await admit(request, options, check).catch((error: unknown) => {
        // apart from those that are let in: a page in the operator's browser has the operator's address
        limit.take(`refused ${networkOf(request.ip)}`);
        throw error;
      });
      // whoever watches over the process asks this, and it costs nothing
      if (request.url !== '/healthz') limit.take(nameOf(caller) ?? networkOf(request.ip));
      if (caller) callers.set(request, caller);
    } catch (error) {
      // answered here: the queue's board has ways of its own to show errors
      answerError(error, request, reply, options.log);
      return reply;
    }
    return undefined;
  });
}

/** By whom requests are counted; undefined: by their address. */
function nameOf(caller: Caller | undefined): string | undefined {
  return caller === undefined ? undefined : `token ${caller.id ?? ''}`;
}

async function admit(
  request: FastifyRequest,
  options: GuardOptions,
  check: TokenCheck | undefined,
): Promise<Caller | undefined> {
  const { token } = options;
  if (!check || token === undefined) {
    refuseForeign(request);
    return everybody;
  }
  const path = request.url.split('?')[0] ?? '';
  const looks = request.method === 'GET' || request.method === 'HEAD';
  if (looks && OPEN.test(path)) return undefined;
  const caller = (await check.callerOf(request)) ?? (await callerBySession(request, path, options.sessions));
  if (!caller)
    throw new HttpError(
      401,
      'authorization: this takes the header "Authorization: Bearer TOKEN" with the token of API_TOKEN or one that zoneferry token add made',
    );
  if (caller.readOnly && !looks && !(request.method === 'POST' && LOOKS.test(path)))
    throw new HttpError(
      403,
      `authorization: the token "${caller.name}" may look, and change nothing: ${request.method} takes one made without --read-only`,
    );
  return caller;
}

async function callerBySession(
  request: FastifyRequest,
  path: string,
  sessions: Sessions | undefined,
): Promise<Caller | undefined> {
  if (!/^\/queues(\/|$)/.test(path)) return undefined;
  const caller = await sessions?.callerOf(request);
  if (caller) refuseForeignOrigin(request);
  return caller;
}

/** One that no two can read differently (RFC 9112, 3.2). */
function refuseUnclearHost({ raw }: FastifyRequest): void {
  const given = raw.headersDistinct.host?.length ?? 0;
  if (given > 1 || (given === 0 && raw.httpVersion === '1.1'))
    throw new HttpError(400, `host: stands there ${given} times, takes one`);
}

/** Without a token a browser is the way in: a page of another site, or a name that was bent to our address, is no operator. */
function refuseForeign(request: FastifyRequest): void {
  const host = request.headers.host ?? '';
  const name = /^(\[[^\]]*\]|[^:]*)(:\d*)?$/.exec(host)?.[1] ?? '';
  const ip = name.replace(/^\[(.*)\]$/, '$1');
  if (name.toLowerCase() !== 'localhost' && !isLoopback(ip))
    throw new HttpError(
      403,
      `host: got "${host.slice(0, 100)}", takes localhost or a loopback address while API_TOKEN is unset`,
    );
  refuseForeignOrigin(request);
  refuseForeignLoads(request);
}

/** Browsers name no origin where a page loads an image or a script, but say that another site does. Links may lead here. */
function refuseForeignLoads({ headers }: FastifyRequest): void {
  const site = headers['sec-fetch-site'];
  if (site !== 'cross-site' && site !== 'same-site') return;
  if (headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document') return;
  throw new HttpError(403, `sec-fetch-site: got "${site}", takes what its own pages load, and links to them`);
}

function refuseForeignOrigin(request: FastifyRequest): void {
  const { origin, host = '' } = request.headers;
  if (origin === undefined) return;
  if (origin.toLowerCase().replace(/^https?:\/\//, '') !== host.toLowerCase() || !/^https?:/i.test(origin))
    throw new HttpError(403, `origin: got "${origin.slice(0, 100)}", takes requests of its own pages alone`);
}
