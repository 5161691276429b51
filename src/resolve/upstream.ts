import { formatResolver, type ResolverAddress, resolverIp } from '../resolver-address.ts';
import { Gate } from './gate.ts';
import { HttpsTransport } from './https.ts';
import { isNear } from './near.ts';
import { PlainTransport } from './plain.ts';
import type { Limits, Reply } from './question.ts';
import { TlsTransport } from './tls.ts';
import type { Transport } from './transport.ts';

export interface UpstreamOptions {
  /** Questions under way at once, at most. */
  concurrency: number;
  /** Questions a second, at most; 0: as many as are answered; `auto`: bounded for a public resolver alone. */
  rate: number | 'auto';
  /** Authorities in PEM, trusted beside those that Node.js brings, for `tls://` and `https://`. */
  ca?: string | undefined;
  /** Milliseconds, growing steadily. */
  now(): number;
}

export interface Asked {
  reply: Reply;
  /** Milliseconds waited for the reply. */
  took: number;
}

/** Questions a second to a public resolver: Google's limit for one address is 1,500. */
const PUBLIC_RATE = 1_000;
/** Failures in a row after which an upstream has to stand behind the others. */
const FAILURES = 3;
/** Milliseconds that it stands there at first, and at most. */
const HOLD = 2_000;
const HOLD_MAX = 60_000;
/** The share of each reply in the time that a reply takes. */
const SHARE = 1 / 16;
/** Milliseconds in line after which a question is given up. */
const LONGEST_LINE = 30_000;

/** One recursive resolver: the way to it, what may be asked of it, and what was learnt of it. */
export class Upstream {
  /** As it stands in RESOLVERS. */
  readonly text: string;
  readonly #transport: Transport;
  readonly #gate: Gate;
  readonly #now: () => number;
  #failures = 0;
  #hold = HOLD;
  #behindUntil = 0;
  /** Milliseconds that a reply takes, smoothed. */
  #replyTime = 0;
  #closed = false;

  constructor(address: ResolverAddress, options: UpstreamOptions) {
    this.text = formatResolver(address);
    this.#now = options.now;
    this.#transport = transportTo(address, options.ca);
    this.#gate = new Gate({
      concurrency: options.concurrency,
      rate: rateOf(address, options.rate),
      now: options.now,
    });
  }

  /** Whether looks go to the others first. Asking ends the pause for one look, so that one alone finds out. */
  standsBehind(): boolean {
    if (this.#failures < FAILURES) return false;
    const now = this.#now();
    if (now < this.#behindUntil) return true;
    this.#behindUntil = now + this.#hold;
    return false;
  }

  /** Milliseconds after which a question put now is likely to be answered, its time in line included. */
  expectedWait(): number {
    const { inside, waiting, concurrency, rateDelay } = this.#gate;
    const rounds = 1 + Math.floor((inside + waiting) / concurrency);
    return Math.max(rounds * this.#replyTime, rateDelay + this.#replyTime);
  }

  /**
   * Puts one question when there is room for it.
   *
   * @throws the signal's reason when it is aborted
   */
  async ask(name: Buffer, type: number, limits: Limits): Promise<Asked> {
    const room = this.#gate.enter();
    const lineAt = room ? this.#now() : 0;
    if (room) await room;
    try {
      limits.signal?.throwIfAborted();
      if (this.#closed) return { reply: closed, took: 0 };
      const sentAt = this.#now();
      if (room && sentAt - lineAt > LONGEST_LINE) return { reply: noRoom, took: 0 };
      const reply = await this.#transport.ask(name, type, limits);
      const took = this.#now() - sentAt;
      this.#learn(reply, took);
      return { reply, took };
    } finally {
      this.#gate.leave();
    }
  }

  /**
   * The same for a question of which is known what to expect, without a promise: `done` gets the TTL of just that answer (see
   * `plainAnswer`), or what else came, with the milliseconds waited for it. False where this upstream can't: nothing is asked then.
   */
  confirm(
    name: Buffer,
    type: number,
    timeoutMs: number,
    answer: string,
    done: (got: number | Reply, took: number) => void,
  ): boolean {
    if (this.#closed || !this.#transport.confirm) return false;
    if (this.#gate.tryEnter()) {
      this.#confirm(name, type, timeoutMs, answer, done);
      return true;
    }
    const lineAt = this.#now();
    this.#gate.wait(() => {
      if (this.#closed) this.#leave(closed, done);
      else if (this.#now() - lineAt > LONGEST_LINE) this.#leave(noRoom, done);
      else this.#confirm(name, type, timeoutMs, answer, done);
    });
    return true;
  }

  /** A look at it ended in something that says nothing of the target: silence, or that it refuses to answer us. */
  failed(): void {
    if (++this.#failures < FAILURES) return;
    this.#behindUntil = this.#now() + this.#hold;
    this.#hold = Math.min(2 * this.#hold, HOLD_MAX);
  }

  /** It said something of the target. */
  served(): void {
    this.#failures = 0;
    this.#hold = HOLD;
  }

  close(): void {
    this.#closed = true;
    this.#gate.open();
    this.#transport.close();
  }

  #confirm(
    name: Buffer,
    type: number,
    timeoutMs: number,
    answer: string,
    done: (got: number | Reply, took: number) => void,
  ): void {
    const sentAt = this.#now();
    this.#transport.confirm?.(name, type, timeoutMs, { resolver: this.text, answer }, (got) => {
      const took = this.#now() - sentAt;
      this.#learn(got, took);
      this.#leave(got, done, took);
    });
  }

  #leave(got: number | Reply, done: (got: number | Reply, took: number) => void, took = 0): void {
    this.#gate.leave();
    done(got, took);
  }

  #learn(reply: Reply | number, took: number): void {
    // A silence says that it takes longer than was waited; a closed port says nothing of its pace.
    if (typeof reply === 'object' && reply.kind === 'failed' && reply.reason !== 'timeout') return;
    this.#replyTime += (took - this.#replyTime) * SHARE;
  }
}

const closed: Reply = { kind: 'failed', reason: 'unreachable', detail: 'the resolver is closed' };

const noRoom: Reply = {
  kind: 'failed',
  reason: 'timeout',
  detail: `no room within ${LONGEST_LINE / 1_000} s (RESOLVE_CONCURRENCY and RESOLVE_RATE bound what is asked)`,
};

function transportTo(address: ResolverAddress, ca: string | undefined): Transport {
  if ('https' in address) return new HttpsTransport(address, ca);
  if ('tls' in address) return new TlsTransport(address, ca);
  return new PlainTransport(address);
}

function rateOf(address: ResolverAddress, rate: number | 'auto'): number | undefined {
  if (rate !== 'auto') return rate === 0 ? undefined : rate;
  const ip = resolverIp(address);
  return ip !== undefined && isNear(ip) ? undefined : PUBLIC_RATE;
}
