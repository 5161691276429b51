import { createHmac, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import type { Pool } from '../store/pool.ts';
import { readToken } from '../store/tokens.ts';
import type { Caller } from './caller.ts';

const COOKIE = 'zoneferry_queues';
/** How long a browser may look at the queue's board after the dashboard was given a token. */
const SECONDS = 12 * 3600;
/** In the cookie, where API_TOKEN opened the session: ids of named tokens begin at 1. */
const BY_API_TOKEN = '0';

/**
 * A browser that follows a link sends no token: for the queue's board alone it gets a cookie, which no script can read and no other
 * site can use.
 */
export function openSession(
  reply: FastifyReply,
  caller: Caller,
  { token, tls, clock }: { token?: string; tls?: object; clock: Clock },
): void {
  if (token === undefined) return;
  const until = Math.floor(clock.now() / 1000) + SECONDS;
  const said = `${caller.id ?? BY_API_TOKEN}.${until}`;
  reply.header(
    'set-cookie',
    `${COOKIE}=${said}.${signature(token, said)}; Path=/queues; Max-Age=${SECONDS}; HttpOnly; SameSite=Strict${tls ? '; Secure' : ''}`,
  );
}

/** Who opened the session of a request; undefined where it has none, it ran out, or the token that opened it was taken away. */
export async function sessionOf(
  request: FastifyRequest,
  { token, pool, clock }: { token: string; pool: Pool; clock: Clock },
): Promise<Caller | undefined> {
  for (const part of (request.headers.cookie ?? '').split(/; */)) {
    const [, id, until, given] =
      new RegExp(`^${COOKIE}=(\\d{1,18})\\.(\\d{1,12})\\.([\\w-]{1,100})$`).exec(part) ?? [];
    if (id === undefined || until === undefined || given === undefined) continue;
    if (Number(until) * 1000 <= clock.now() || !equal(given, signature(token, `${id}.${until}`))) continue;
    if (id === BY_API_TOKEN) return { readOnly: false };
    const entry = await readToken(pool, id);
    if (entry) return { id, name: entry.name, readOnly: entry.readOnly };
  }
  return undefined;
}

function signature(token: string, said: string): string {
  return createHmac('sha256', token).update(`zoneferry queues ${said}`).digest('base64url');
}

function equal(given: string, expected: string): boolean {
  return given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected));
}
