import type { Endpoint } from '../endpoint.ts';
import { Deadlines } from './deadlines.ts';
import { PooledSocket } from './pooled-socket.ts';
import { randomId } from './random.ts';
import { SendTogether } from './send-together.ts';
import type { Done, Exchange, Question } from './waiting.ts';

export type { Exchange, Question } from './waiting.ts';

export interface UdpPoolOptions {
  remote: Endpoint;
  /** The address to send from; the system chooses where it is left out. */
  localAddress?: string | undefined;
  /** Sockets at once. */
  sockets?: number;
  /** Questions after which a socket, and so its port, is replaced. */
  questionsPerSocket?: number;
}

/**
 * UDP sockets to one remote, each on a random port of its own that is given up after a bounded number of questions,
 * so that a forger has to guess port and id of each question (RFC 5452, 9.2). They are connected: the
 * kernel drops what comes from elsewhere, and "port unreachable" arrives as an error instead of a silence.
 */
export class UdpPool {
  readonly #remote: Endpoint;
  readonly #localAddress: string | undefined;
  readonly #questionsPerSocket: number;
  readonly #slots: (PooledSocket | undefined)[];
  readonly #deadlines = new Deadlines();
  readonly #outbox = new SendTogether();
  /** Replaced sockets that still wait for replies. */
  readonly #leaving = new Set<PooledSocket>();
  #closed = false;
  #retired: (() => void) | undefined;

  constructor(options: UdpPoolOptions) {
    this.#remote = options.remote;
    this.#localAddress = options.localAddress;
    this.#questionsPerSocket = options.questionsPerSocket ?? 100;
    this.#slots = new Array<PooledSocket | undefined>(options.sockets ?? 8).fill(undefined);
  }

  /**
   * Sends one question and waits for its reply.
   *
   * @throws the signal's reason when it is aborted, before or while waiting
   */
  ask<T>(question: Question<T>): Promise<Exchange<T>> {
    return new Promise((resolve, reject) => this.put(question, resolve, reject));
  }

  /** The same without a promise: `done` is called once, or `given` when the question's signal is aborted. */
  put<T>(question: Question<T>, done: Done<T>, given?: (reason: unknown) => void): void {
    if (question.signal?.aborted) given?.(question.signal.reason);
    else if (this.#closed) done({ kind: 'unreachable', detail: 'the sockets are closed' });
    else this.#take().put(question, done, given);
  }

  /** Closes every socket; what still waits gets `unreachable`. May be called twice. */
  close(): void {
    this.#closed = true;
    for (const socket of [...this.#leaving, ...this.#slots]) socket?.close('the sockets are closed');
    this.#leaving.clear();
    this.#slots.fill(undefined);
    this.#deadlines.clear();
  }

  /** Takes no more questions; when those that wait are through, all is closed, and `done` is called. */
  retire(done: () => void): void {
    this.#closed = true;
    this.#retired = done;
    const open = this.#slots.filter((socket) => socket !== undefined);
    this.#slots.fill(undefined);
    for (const socket of open) this.#leaving.add(socket);
    if (this.#leaving.size === 0) done();
    else for (const socket of open) socket.leave(() => this.#left(socket));
  }

  #left(socket: PooledSocket): void {
    this.#leaving.delete(socket);
    if (this.#leaving.size === 0) this.#retired?.();
  }

  #take(): PooledSocket {
    const slot = randomId() % this.#slots.length;
    const present = this.#slots[slot];
    if (present?.usable()) return present;
    if (present !== undefined) {
      this.#leaving.add(present);
      present.leave(() => this.#left(present));
    }
    const fresh = new PooledSocket(
      this.#remote,
      this.#localAddress,
      this.#questionsPerSocket,
      this.#deadlines,
      this.#outbox,
    );
    this.#slots[slot] = fresh;
    return fresh;
  }
}
