import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Endpoint } from '../endpoint.ts';
import { messageOf } from '../errors.ts';
import { onAbort } from './aborts.ts';
import { Deadlines, type Expiring } from './deadlines.ts';
import { randomId } from './random.ts';

/** One message to send and the way to know its reply. */
export interface Question<T> {
  /** Makes the message with this id. */
  build(id: number): Buffer;
  /**
   * Judges a reply with the right source and id. Undefined: not what was asked, the wait goes on (a forged or
   * damaged reply costs nothing).
   */
  accept(reply: Buffer): T | undefined;
  /** Milliseconds to wait for a reply. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

export type Exchange<T> =
  | { kind: 'reply'; reply: T }
  | { kind: 'timeout' }
  | { kind: 'unreachable'; detail: string };

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
  /** Replaced sockets that still wait for replies. */
  readonly #leaving = new Set<PooledSocket>();
  #closed = false;

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
    if (question.signal?.aborted) return Promise.reject(question.signal.reason);
    if (this.#closed) return Promise.resolve({ kind: 'unreachable', detail: 'the sockets are closed' });
    return this.#take().ask(question);
  }

  /** Closes every socket; what still waits gets `unreachable`. May be called twice. */
  close(): void {
    this.#closed = true;
    for (const socket of [...this.#leaving, ...this.#slots]) socket?.close('the sockets are closed');
    this.#leaving.clear();
    this.#slots.fill(undefined);
    this.#deadlines.clear();
  }

  #take(): PooledSocket {
    const slot = randomId() % this.#slots.length;
    const present = this.#slots[slot];
    if (present?.usable()) return present;
    if (present !== undefined) {
      this.#leaving.add(present);
      present.leave(() => this.#leaving.delete(present));
    }
    const fresh = new PooledSocket(
      this.#remote,
      this.#localAddress,
      this.#questionsPerSocket,
      this.#deadlines,
    );
    this.#slots[slot] = fresh;
    return fresh;
  }
}

/** One question under way on a socket. */
class Waiting<T> implements Expiring {
  readonly deadline: number;
  readonly #question: Question<T>;
  readonly #resolve: (got: Exchange<T>) => void;
  readonly #reject: (error: unknown) => void;
  readonly #left: () => void;
  readonly #forget: () => void;

  constructor(
    question: Question<T>,
    resolve: (got: Exchange<T>) => void,
    reject: (error: unknown) => void,
    left: () => void,
  ) {
    this.deadline = performance.now() + question.timeoutMs;
    this.#question = question;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#left = left;
    this.#forget = onAbort(question.signal, () => this.give(question.signal?.reason));
  }

  offer(bytes: Buffer): void {
    const reply = this.#question.accept(bytes);
    if (reply !== undefined) this.#end({ kind: 'reply', reply });
  }

  fail(detail: string): void {
    this.#end({ kind: 'unreachable', detail });
  }

  expire(): void {
    this.#end({ kind: 'timeout' });
  }

  /** Ends it by an error. */
  give(error: unknown): void {
    this.#forget();
    this.#left();
    this.#reject(error);
  }

  #end(got: Exchange<T>): void {
    this.#forget();
    this.#left();
    this.#resolve(got);
  }
}

class PooledSocket {
  readonly #socket: Socket;
  readonly #remote: Endpoint;
  readonly #waiting = new Map<number, Waiting<unknown>>();
  readonly #deadlines: Deadlines;
  /** What can't be sent says something of the way there, and so to all that wait. */
  readonly #onSent = (error: Error | null) => {
    if (error) this.#failAll(messageOf(error));
  };
  /** What came of connecting; undefined once it is done, and well. */
  #ready: Promise<string | undefined> | undefined;
  /** The remote's address in the kernel's spelling, known once connected. */
  #remoteAddress: string | undefined;
  #questionsLeft: number;
  #using = 0;
  #broken = false;
  #onIdle: (() => void) | undefined;

  constructor(remote: Endpoint, localAddress: string | undefined, questions: number, deadlines: Deadlines) {
    this.#remote = remote;
    this.#deadlines = deadlines;
    this.#questionsLeft = questions;
    this.#socket = createSocket({ type: isIPv6(remote.ip) ? 'udp6' : 'udp4' });
    this.#socket.unref();
    this.#socket.on('message', (bytes, from) => this.#receive(bytes, from));
    this.#ready = this.#connect(localAddress);
  }

  usable(): boolean {
    return !this.#broken && this.#questionsLeft > 0;
  }

  ask<T>(question: Question<T>): Promise<Exchange<T>> {
    this.#questionsLeft--;
    this.#using++;
    return this.#ready === undefined ? this.#exchange(question) : this.#askLater(this.#ready, question);
  }

  async #askLater<T>(ready: Promise<string | undefined>, question: Question<T>): Promise<Exchange<T>> {
    const problem = await ready;
    if (problem === undefined && !this.#broken && !question.signal?.aborted) {
      this.#ready = undefined;
      return this.#exchange(question);
    }
    this.#used();
    question.signal?.throwIfAborted();
    return { kind: 'unreachable', detail: problem ?? 'the sockets are closed' };
  }

  #used(): void {
    if (--this.#using === 0) this.#onIdle?.();
  }

  /** Takes no more questions; closes when the last one waiting is through. */
  leave(left: () => void): void {
    this.#onIdle = () => {
      this.close('the socket was replaced');
      left();
    };
    if (this.#using === 0) this.#onIdle();
  }

  close(detail: string): void {
    if (!this.#broken) {
      this.#broken = true;
      this.#socket.close();
    }
    this.#failAll(detail);
  }

  #exchange<T>(question: Question<T>): Promise<Exchange<T>> {
    const id = this.#freeId();
    return new Promise((resolve, reject) => {
      const waiting: Waiting<T> = new Waiting(question, resolve, reject, () => {
        this.#deadlines.delete(waiting);
        this.#waiting.delete(id);
        this.#used();
      });
      this.#waiting.set(id, waiting as Waiting<unknown>);
      this.#deadlines.add(waiting);
      try {
        this.#socket.send(question.build(id), this.#onSent);
      } catch (error) {
        waiting.give(error);
      }
    });
  }

  #connect(localAddress: string | undefined): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#socket.on('error', (error) => {
        resolve(messageOf(error));
        // A refused port says something about the remote and nothing about this socket, which may be used on.
        if (isRefused(error)) this.#failAll(messageOf(error));
        else this.close(messageOf(error));
      });
      this.#socket.once('connect', () => {
        this.#remoteAddress = this.#socket.remoteAddress().address;
        resolve(undefined);
      });
      const connect = () => this.#socket.connect(this.#remote.port, this.#remote.ip);
      // Port 0: the kernel picks a random free port of its ephemeral range, which no listener of ours is in.
      try {
        this.#socket.bind(
          { port: 0, exclusive: true, ...(localAddress ? { address: localAddress } : {}) },
          connect,
        );
      } catch (error) {
        resolve(messageOf(error));
        this.close(messageOf(error));
      }
    });
  }

  #receive(bytes: Buffer, from: RemoteInfo): void {
    // What came between bind and connect is from anywhere.
    if (from.port !== this.#remote.port || from.address !== this.#remoteAddress) return;
    if (bytes.length < 12) return;
    this.#waiting.get(bytes.readUInt16BE(0))?.offer(bytes);
  }

  #failAll(detail: string): void {
    for (const waiting of [...this.#waiting.values()]) waiting.fail(detail);
  }

  #freeId(): number {
    for (;;) {
      const id = randomId();
      if (!this.#waiting.has(id)) return id;
    }
  }
}

function isRefused(error: Error): boolean {
  return 'code' in error && error.code === 'ECONNREFUSED';
}
