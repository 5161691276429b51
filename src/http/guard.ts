import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import { isLoopback } from '../endpoint.ts';
import type { Log } from '../log.ts';
import { answerError, HttpError } from './errors.ts';

const COOKIE = 'zoneferry_queues';
/** How long a browser may look at the queue's board after the dashboard was given the token. */
const SESSION_SECONDS = 12 * 3600;
/** What answers without the token: no state of the service is among it. */
const OPEN = /^\/(healthz|readyz|docs(\/.*)?|page\/[a-z.]+)?$/;

export interface GuardOptions {
  /** Unset: whoever reaches this machine's loopback may do all. */
  token?: string;
  clock: Clock;
  log: Log;
}

/** Refuses who may not ask, before a body is read. */
export function guard(app: FastifyInstance, options: GuardOptions): void {
  app.addHook('onRequest', async (request, reply) => {
    try {
      admit(request, options);
    } catch (error) {
      // answered here: the queue's board has ways of its own to show errors
      answerError(error, request, reply, options.log);
      return reply;
    }
    return undefined;
  });
}

function admit(request: FastifyRequest, { token, clock }: GuardOptions): void {
  if (token === undefined) {
    refuseForeign(request);
    return;
  }
  const path = request.url.split('?')[0] ?? '';
  if ((request.method === 'GET' || request.method === 'HEAD') && OPEN.test(path)) return;
  if (bearsToken(request, token)) return;
  if (/^\/queues(\/|$)/.test(path) && hasSession(request, token, clock)) {
    refuseForeignOrigin(request);
    return;
  }
  throw new HttpError(
    401,
    'authorization: this takes the header "Authorization: Bearer TOKEN" with the token of API_TOKEN',
  );
}

/**
 * A browser that follows a link sends no token: for the queue's board alone it gets a cookie, which no script can read and no other
 * site can use.
 */
export function openSession(reply: FastifyReply, options: GuardOptions): void {
  const { token, clock } = options;
  if (token === undefined) return;
  const until = Math.floor(clock.now() / 1000) + SESSION_SECONDS;
  reply.header(
    'set-cookie',
    `${COOKIE}=${until}.${signature(token, String(until))}; Path=/queues; Max-Age=${SESSION_SECONDS}; HttpOnly; SameSite=Strict`,
  );
}

function bearsToken(request: FastifyRequest, token: string): boolean {
  const given = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
  return given !== undefined && equal(given, token);
}

function hasSession(request: FastifyRequest, token: string, clock: Clock): boolean {
  for (const part of (request.headers.cookie ?? '').split(/; */)) {
    const [, until, given] = new RegExp(`^${COOKIE}=(\\d{1,12})\\.([\\w-]+)$`).exec(part) ?? [];
    if (until === undefined || given === undefined) continue;
    if (Number(until) * 1000 > clock.now() && equal(given, signature(token, until))) return true;
  }
  return false;
}

function signature(token: string, until: string): string {
  return createHmac('sha256', token).update(`zoneferry queues until ${until}`).digest('base64url');
}

/** In a time that does not tell how much of it is right. */
function equal(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
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
}

function refuseForeignOrigin(request: FastifyRequest): void {
  const { origin, host = '' } = request.headers;
  if (origin === undefined) return;
  if (origin.toLowerCase().replace(/^https?:\/\//, '') !== host.toLowerCase() || !/^https?:/i.test(origin))
    throw new HttpError(403, `origin: got "${origin.slice(0, 100)}", takes requests of its own pages alone`);
}
