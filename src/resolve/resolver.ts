import type { Clock } from '../clock.ts';
import { absoluteName } from '../dns/name.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Log } from '../log.ts';
import { type Chased, chase } from './chase.ts';
import { exchange } from './exchange.ts';
import type { Failed, FailureReason, Family, Look, LookOptions, LooksUp } from './outcome.ts';
import { Slots } from './slots.ts';
import { systemServers } from './system.ts';
import { Upstream } from './upstream.ts';

export type {
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
  servers: readonly Endpoint[] | 'system';
  /** Milliseconds to wait for each reply. */
  timeoutMs: number;
  /** Tries for a target and family, each at the next upstream. */
  tries: number;
  clock: Clock;
  log?: Log;
}

/** Looks at once, at most: a larger burst overflows the receive buffer of a usual UDP socket, and costs a timeout. */
const MOST_LOOKS = 200;

/**
 * Looks up addresses at recursive resolvers. Upstreams are asked in the order given, as different ones see
 * different answers of a CDN; one that has been silent stands behind the others until it speaks again.
 */
export class Resolver implements LooksUp {
  readonly #upstreams: Upstream[];
  readonly #timeoutMs: number;
  readonly #tries: number;
  readonly #clock: Clock;
  readonly #log: Log | undefined;
  readonly #slots = new Slots(MOST_LOOKS);
  readonly #running = new Map<AbortController, Promise<unknown>>();
  #closed = false;

  constructor(options: ResolverOptions) {
    const servers = options.servers === 'system' ? systemServers() : options.servers;
    if (servers.length === 0) throw new RangeError('a resolver needs one upstream at least');
    this.#upstreams = servers.map((server) => new Upstream(server, options.clock));
    this.#timeoutMs = options.timeoutMs;
    this.#tries = Math.max(1, options.tries);
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /**
   * Looks once for the addresses of one family. What upstreams do is an outcome; the promise is rejected only for a target
   * that is no name (NameError), for an aborted `signal` (its reason) and after `close`.
   */
  async look(target: string, family: Family, { signal, avoid }: LookOptions = {}): Promise<Look> {
    signal?.throwIfAborted();
    if (this.#closed) throw closed();
    const name = absoluteName(target);
    const controller = new AbortController();
    const abort = () => controller.abort(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    const work = this.#slots.run(() => this.#look(target, name, family, controller.signal, avoid));
    this.#running.set(controller, work);
    try {
      return await work;
    } finally {
      this.#running.delete(controller);
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Ends what is under way and closes all sockets. May be called twice. */
  async close(): Promise<void> {
    this.#closed = true;
    const running = [...this.#running];
    for (const [controller] of running) controller.abort(closed());
    await Promise.allSettled(running.map(([, work]) => work));
    for (const upstream of this.#upstreams) upstream.sockets.close();
  }

  async #look(
    target: string,
    name: Buffer,
    family: Family,
    signal: AbortSignal,
    avoid: string | undefined,
  ): Promise<Look> {
    signal.throwIfAborted();
    const startedAt = this.#clock.now();
    const order = this.#order(avoid);
    const failures: Attempted[] = [];
    for (let attempt = 0; attempt < this.#tries; attempt++) {
      const upstream = order[attempt % order.length]!;
      const chased = await this.#try(upstream, name, family, signal);
      const tried = { upstream, chased };
      if (chased.outcome.kind !== 'failed') return this.#told(target, family, tried, startedAt);
      failures.push(tried);
    }
    return this.#told(target, family, mostTelling(failures), startedAt);
  }

  async #try(upstream: Upstream, name: Buffer, family: Family, signal: AbortSignal): Promise<Chased> {
    const limits = { timeoutMs: this.#timeoutMs, signal };
    return await chase(name, family, async (asked, type) => {
      const reply = await exchange(upstream, asked, type, limits);
      if (reply.kind === 'failed') upstream.wasSilent();
      else upstream.spoke();
      return reply;
    });
  }

  /** Every upstream once, the one to avoid behind the others, and those that have been silent last. */
  #order(avoid: string | undefined): Upstream[] {
    if (this.#upstreams.length === 1) return this.#upstreams;
    const behind = new Set(this.#upstreams.filter((upstream) => upstream.standsBehind()));
    const speaking = this.#upstreams.filter((upstream) => !behind.has(upstream));
    return [
      ...speaking.filter((upstream) => upstream.text !== avoid),
      ...speaking.filter((upstream) => upstream.text === avoid),
      ...behind,
    ];
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

interface Attempted {
  upstream: Upstream;
  chased: Chased;
}

/** Of several failures the one that says most about the target, with what the others were. */
function mostTelling(failures: readonly Attempted[]): Attempted {
  const reasonOf = ({ chased }: Attempted) => (chased.outcome as Failed).reason;
  const best = failures.reduce((a, b) =>
    TELLING.indexOf(reasonOf(b)) < TELLING.indexOf(reasonOf(a)) ? b : a,
  );
  const outcome = best.chased.outcome as Failed;
  const lines = new Set(
    failures.map(({ upstream, chased }) => `${upstream.text} ${(chased.outcome as Failed).detail}`),
  );
  const detail = [...lines].join('; ').slice(0, LONGEST_DETAIL);
  return { ...best, chased: { ...best.chased, outcome: { ...outcome, detail } } };
}

const TELLING: readonly FailureReason[] = [
  'bogus',
  'loop',
  'chain',
  'servfail',
  'refused',
  'malformed',
  'timeout',
  'unreachable',
];
const LONGEST_DETAIL = 400;

function closed(): Error {
  return new Error('the resolver is closed');
}
