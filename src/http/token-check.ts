import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Pool } from '../store/pool.ts';
import { findToken, noteTokenUse } from '../store/tokens.ts';
import { Attempts } from './attempts.ts';
import { type Caller, everybody } from './caller.ts';
import { HttpError } from './errors.ts';
import { networkOf } from './rate-limit.ts';

const MOST_KNOWN = 1_000;

/** Judges the bearer token of a request: API_TOKEN, or a named one of the database. */
export class TokenCheck {
  readonly #expected: Buffer;
  readonly #pool: Pool;
  readonly #log: Log;
  readonly #attempts: Attempts;
  /** Digests of tokens that were right: who holds one is not kept out by the wrong ones of others behind the same address. */
  readonly #known = new Set<string>();

  constructor(token: string, { pool, clock, log }: { pool: Pool; clock: Clock; log: Log }) {
    this.#expected = digestOf(token);
    this.#pool = pool;
    this.#log = log;
    this.#attempts = new Attempts(clock);
  }

  /**
   * Who sends a request; undefined where it bears no token, or none of ours.
   *
   * @throws HttpError 429 after many wrong ones from its address
   */
  async callerOf(request: FastifyRequest): Promise<Caller | undefined> {
    const given = /^Bearer +(\S{1,4096}) *$/i.exec(request.headers.authorization ?? '')?.[1];
    if (given === undefined) return undefined;
    const digest = digestOf(given);
    const known = digest.toString('base64');
    const from = networkOf(request.ip);
    const wait = this.#known.has(known) ? 0 : this.#attempts.waitOf(from);
    if (wait > 0)
      throw new HttpError(
        429,
        `authorization: too many wrong tokens from ${request.ip}: try again in ${wait} s`,
        wait,
      );
    const caller = await this.#callerBy(given, digest);
    if (!caller) {
      this.#known.delete(known);
      this.#attempts.wrong(from);
    } else if (this.#known.size < MOST_KNOWN) this.#known.add(known);
    return caller;
  }

  async #callerBy(given: string, digest: Buffer): Promise<Caller | undefined> {
    // in a time that does not tell how much of it is right
    if (timingSafeEqual(digest, this.#expected)) return everybody;
    const entry = await findToken(this.#pool, given);
    if (!entry) return undefined;
    noteTokenUse(this.#pool, entry.id).catch((error: unknown) =>
      this.#log.debug({ error: messageOf(error) }, 'the use of a token was not noted'),
    );
    return { id: entry.id, name: entry.name, readOnly: entry.readOnly };
  }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
