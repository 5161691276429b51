import type { Clock } from '../clock.ts';
import { absoluteName } from '../dns/name.ts';
import { TYPE } from '../dns/types.ts';
import type { Log } from '../log.ts';
import type { ResolverAddress } from '../resolver-address.ts';
import { type Attempted, mostTelling, saysNothing } from './attempted.ts';
import { type Chased, chase, plainly } from './chase.ts';
import type { Confirmation, Family, Look, LookOptions, LooksUp } from './outcome.ts';
import { systemServers } from './system.ts';
import { type Asked, Upstream } from './upstream.ts';

export type {
  Confirmation,
  Evidence,
  FailureReason,
  Family,
  Link,
  Look,
  LookOptions,
  LooksUp,
  Outcome,
} from './outcome.ts';

export interface ResolverOptions {
  /** Recursive resolvers, the preferred one first; `system`: those of the machine. */
  servers: readonly ResolverAddress[] | 'system';
  /** Milliseconds to wait for each reply. */
  timeoutMs: number;
  /** Tries for a target and family, over different upstreams where there are several. */
  tries: number;
  /** Questions under way at each upstream at once, at most: a larger burst overflows the receive buffer of a usual UDP socket. */
  concurrency?: number;
  /** Questions a second to each upstream, at most; 0: no bound; `auto`: a bound for public ones alone. */
  rate?: number | 'auto';
  /** Authorities in PEM, for resolvers over TLS and HTTPS. */
  ca?: string | undefined;
  clock: Clock;
  /** Milliseconds, growing steadily: for waits and pauses. */
  now?: () => number;
  log?: Log | undefined;
}

/**
 * Looks up addresses at recursive resolvers. Upstreams are asked in the order given, as different ones see different answers of a CDN; one
 * that has failed in a row stands behind the others until it answers again, and one that is too slow for what it is asked is relieved by
 * the next. What one of them does slows nobody but those who wait for it.
 */
export class Resolver implements LooksUp {
  readonly #upstreams: Upstream[];
  readonly #timeoutMs: number;
  readonly #tries: number;
  readonly #clock: Clock;
  readonly #now: () => number;
  readonly #log: Log | undefined;
  #running = 0;
  /** Called when nothing runs any more. */
  #idle: (() => void) | undefined;
  #closed = false;

  constructor(options: ResolverOptions) {
    const servers = options.servers === 'system' ? systemServers() : options.servers;
    if (servers.length === 0) throw new RangeError('a resolver needs one upstream at least');
    this.#now = options.now ?? (() => performance.now());
    this.#upstreams = servers.map(
      (server) =>
        new Upstream(server, {
          concurrency: options.concurrency ?? 200,
          rate: options.rate ?? 'auto',
          ca: options.ca,
          now: this.#now,
        }),
    );
    this.#timeoutMs = options.timeoutMs;
    this.#tries = Math.max(1, options.tries);
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /**
   * Looks once for the addresses of one family. What upstreams do is an outcome; the promise is rejected only for a target
   * that is no name (NameError), for an aborted `signal` (its reason) and after `close`.
   */
  async look(target: string, family: Family, options: LookOptions = {}): Promise<Look> {
    options.signal?.throwIfAborted();
    if (this.#closed) throw closed();
    const name = absoluteName(target);
    this.#running++;
    try {
      return await this.#look(target, name, family, options);
    } finally {
      this.#ended();
    }
  }

  /** Looks once for the addresses of both families, of which is known what to expect. */
  confirm(known: Confirmation, options: LookOptions = {}): void {
    const name = absoluteName(known.target);
    this.#confirm(known, name, 'A', known.a, options);
    this.#confirm(known, name, 'AAAA', known.aaaa, options);
  }

  #confirm(
    known: Confirmation,
    name: Buffer,
    family: Family,
    answer: string | undefined,
    options: LookOptions,
  ): void {
    const upstream = this.#choose([], undefined);
    const startedAt = this.#clock.now();
    this.#running++;
    const isAsked =
      answer !== undefined &&
      upstream.confirm(name, TYPE[family], this.#timeoutMs, answer, (reply, took) => {
        if (typeof reply === 'number') {
          this.#ended();
          upstream.served();
          return known.confirmed(family, reply);
        }
        const first = { upstream, asked: { reply, took }, startedAt };
        const look = this.#goOn(known.target, name, family, first, options);
        known.unlike(
          family,
          look.finally(() => this.#ended()),
        );
      });
    if (isAsked) return;
    this.#ended();
    known.unlike(family, this.look(known.target, family, options));
  }

  #ended(): void {
    if (--this.#running === 0) this.#idle?.();
  }

  /** Ends what is under way and closes all connections. May be called twice. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const upstream of this.#upstreams) upstream.close();
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
  }

  async #look(target: string, name: Buffer, family: Family, options: LookOptions): Promise<Look> {
    const startedAt = this.#clock.now();
    const upstream = this.#choose([], options.avoid);
    const limits = { timeoutMs: this.#timeoutMs, signal: options.signal };
    const asked = await upstream.ask(name, TYPE[family], limits);
    return this.#goOn(target, name, family, { upstream, asked, startedAt }, options);
  }

  /** What a look comes to that began with this answer, and goes on where that is none, or not all. */
  async #goOn(
    target: string,
    name: Buffer,
    family: Family,
    { upstream: first, asked, startedAt }: { upstream: Upstream; asked: Asked; startedAt: number },
    { signal, avoid }: LookOptions,
  ): Promise<Look> {
    if (asked.reply.kind === 'addresses' && !this.#closed) {
      first.served();
      const chased = plainly(asked.reply.addresses, family);
      return this.#told(target, family, { upstream: first, chased }, startedAt);
    }
    const budget = { left: 2 * this.#tries * this.#timeoutMs };
    const failures: Attempted[] = [];
    for (let attempt = 0; attempt < this.#tries && budget.left > 0; attempt++) {
      const upstream = attempt === 0 ? first : this.#choose(failures, avoid);
      const before = attempt === 0 ? asked : undefined;
      const tried = { upstream, chased: await this.#try(upstream, name, family, budget, signal, before) };
      if (this.#closed) throw closed();
      if (tried.chased.outcome.kind !== 'failed') return this.#told(target, family, tried, startedAt);
      failures.push(tried);
    }
    return this.#told(target, family, mostTelling(failures), startedAt);
  }

  /** `budget`: the milliseconds that may be spent waiting for replies; what is waited in line is not counted. */
  async #try(
    upstream: Upstream,
    name: Buffer,
    family: Family,
    budget: { left: number },
    signal: AbortSignal | undefined,
    before: Asked | undefined,
  ): Promise<Chased> {
    let first = before;
    const chased = await chase(name, family, async (asked, type) => {
      const limits = { timeoutMs: Math.max(1, Math.min(this.#timeoutMs, budget.left)), signal };
      const { reply, took } = first ?? (await upstream.ask(asked, type, limits));
      first = undefined;
      budget.left -= took;
      return reply;
    });
    if (saysNothing(chased)) upstream.failed();
    else upstream.served();
    return chased;
  }

  /** The first of those not yet tried that is well and has room; else the one that will answer soonest. */
  #choose(failures: readonly Attempted[], avoid: string | undefined): Upstream {
    const [only] = this.#upstreams;
    if (this.#upstreams.length === 1) return only!;
    const round = failures.slice(failures.length - (failures.length % this.#upstreams.length));
    const left = this.#upstreams.filter((upstream) => !round.some((tried) => tried.upstream === upstream));
    const inOrder = [
      ...left.filter(({ text }) => text !== avoid),
      ...left.filter(({ text }) => text === avoid),
    ];
    const well: Upstream[] = [];
    for (const upstream of inOrder) {
      if (upstream.standsBehind()) continue;
      if (upstream.expectedWait() <= this.#timeoutMs) return upstream;
      well.push(upstream);
    }
    if (well.length === 0) return inOrder[0]!;
    return well.reduce((best, upstream) => (upstream.expectedWait() < best.expectedWait() ? upstream : best));
  }

  #told(target: string, family: Family, { upstream, chased }: Attempted, startedAt: number): Look {
    const { outcome, evidence, remark } = chased;
    const ms = Math.max(0, this.#clock.now() - startedAt);
    if (remark !== undefined) {
      this.#log?.warn({ target, family, resolver: upstream.text, remark }, 'answer taken in part');
    }
    return { target, family, outcome, ...evidence, resolver: upstream.text, startedAt, ms };
  }
}

function closed(): Error {
  return new Error('the resolver is closed');
}
