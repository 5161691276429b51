import { createHmac, scryptSync, timingSafeEqual } from 'node:crypto';
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
const FORM = new RegExp(`^${COOKIE}=(\\d{1,18})\\.(\\d{1,12})\\.([\\w-]{1,100})$`);

/**
 * A browser that follows a link sends no token: for the queue's board alone it gets a cookie, which no script can read and no other
 * site can use.
 */
export class Sessions {
  readonly #key: Buffer;
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #secure: string;

  constructor(token: string, { pool, clock, tls }: { pool: Pool; clock: Clock; tls?: object }) {
    // slow: who may look alone, and so gets a cookie, must not guess API_TOKEN by it at leisure
    this.#key = scryptSync(token, `zoneferry ${COOKIE}`, 32);
    this.#pool = pool;
    this.#clock = clock;
    this.#secure = tls ? '; Secure' : '';
  }

  open(reply: FastifyReply, caller: Caller): void {
    const until = Math.floor(this.#clock.now() / 1000) + SECONDS;
    const said = `${caller.id ?? BY_API_TOKEN}.${until}`;
    reply.header(
      'set-cookie',
      `${COOKIE}=${said}.${this.#sign(said)}; Path=/queues; Max-Age=${SECONDS}; HttpOnly; SameSite=Strict${this.#secure}`,
    );
  }

  /** Who opened the session of a request; undefined where it has none, it ran out, or the token that opened it was taken away. */
  async callerOf(request: FastifyRequest): Promise<Caller | undefined> {
    for (const part of (request.headers.cookie ?? '').split(/; */)) {
      const [, id, until, given] = FORM.exec(part) ?? [];
      if (id === undefined || until === undefined || given === undefined) continue;
      if (Number(until) * 1000 <= this.#clock.now() || !equal(given, this.#sign(`${id}.${until}`))) continue;
      if (id === BY_API_TOKEN) return { readOnly: false };
      const entry = await readToken(this.#pool, id);
      if (entry) return { id, name: entry.name, readOnly: entry.readOnly };
    }
    return undefined;
  }

  #sign(said: string): string {
    return createHmac('sha256', this.#key).update(said).digest('base64url');
  }
}

function equal(given: string, expected: string): boolean {
  return given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected));
}
