import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Endpoint } from '../endpoint.ts';
import { messageOf } from '../errors.ts';
import type { Deadlines, Expiring } from './deadlines.ts';
import { randomId } from './random.ts';
import type { SendTogether } from './send-together.ts';
import { type Done, type Question, Waiting } from './waiting.ts';

/** A connected UDP socket for a bounded number of questions. */
export class PooledSocket {
  readonly #socket: Socket;
  readonly #remote: Endpoint;
  readonly #waiting = new Map<number, Waiting<unknown>>();
  readonly #deadlines: Deadlines;
  readonly #outbox: SendTogether;
  /** What can't be sent says something of the way there, and so to all that wait. */
  readonly #onSent = (error: Error | null) => {
    if (error) this.#failAll(messageOf(error));
  };
  /** What came of connecting; undefined once it is done, and well. */
  #ready: Promise<string | undefined> | undefined;
  /** The remote's address in the kernel's spelling, known once connected. */
  #remoteAddress: string | undefined;
  #questionsLeft: number;
  /** Replies that nobody waits for which the questions so far do not explain: each may have one that comes late. */
  #strays = 0;
  #using = 0;
  #broken = false;
  #onIdle: (() => void) | undefined;

  constructor(
    remote: Endpoint,
    localAddress: string | undefined,
    questions: number,
    deadlines: Deadlines,
    outbox: SendTogether,
  ) {
    this.#remote = remote;
    this.#deadlines = deadlines;
    this.#outbox = outbox;
    this.#questionsLeft = questions;
    this.#socket = createSocket({ type: isIPv6(remote.ip) ? 'udp6' : 'udp4' });
    this.#socket.unref();
    this.#socket.on('message', (bytes, from) => this.#receive(bytes, from));
    this.#ready = this.#connect(localAddress);
  }

  usable(): boolean {
    return !this.#broken && this.#questionsLeft > 0;
  }

  put<T>(question: Question<T>, done: Done<T>, given?: (reason: unknown) => void): void {
    this.#questionsLeft--;
    this.#strays--;
    this.#using++;
    if (this.#ready === undefined) this.#enqueue(question, done, given);
    else this.#ready.then((problem) => this.#sendAfter(problem, question, done, given));
  }

  /** Its wait is over. */
  left(waiting: Expiring & { id: number }): void {
    this.#deadlines.delete(waiting);
    this.#waiting.delete(waiting.id);
    this.#used();
  }

  #sendAfter<T>(
    problem: string | undefined,
    question: Question<T>,
    done: Done<T>,
    given?: (reason: unknown) => void,
  ): void {
    if (problem === undefined && !this.#broken && !question.signal?.aborted) {
      this.#ready = undefined;
      this.#enqueue(question, done, given);
      return;
    }
    this.#used();
    if (question.signal?.aborted) given?.(question.signal.reason);
    else done({ kind: 'unreachable', detail: problem ?? 'the sockets are closed' });
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

  #enqueue<T>(question: Question<T>, done: Done<T>, given?: (reason: unknown) => void): void {
    const id = this.#freeId();
    const waiting = new Waiting(this, id, question, done, given);
    this.#waiting.set(id, waiting as Waiting<unknown>);
    this.#deadlines.add(waiting);
    this.#outbox.add(waiting);
  }

  /** Sends a question, if it still waits. */
  send(id: number, question: Question<unknown>): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    try {
      this.#socket.send(question.build(id), this.#onSent);
    } catch (error) {
      waiting.fail(messageOf(error));
    }
  }

  #connect(localAddress: string | undefined): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#socket.on('error', (error) => {
        resolve(messageOf(error));
        // A refused port says something about the remote and nothing about this socket, which may be used on.
        if (isRefused(error)) this.#failAll(messageOf(error));
        else this.close(messageOf(error));
      });
      this.#socket.once('close', () => resolve('the sockets are closed'));
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
    if (this.#waiting.get(bytes.readUInt16BE(0))?.offer(bytes) === true || ++this.#strays < MOST_STRAYS)
      return;
    for (const waiting of [...this.#waiting.values()]) waiting.flooded(FLOODED);
    this.close(FLOODED);
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

/** A forger needs some tens of thousands (RFC 5452, 7). */
const MOST_STRAYS = 100;
const FLOODED = `over ${MOST_STRAYS} replies came that answer nothing that was asked`;

function isRefused(error: Error): boolean {
  return 'code' in error && error.code === 'ECONNREFUSED';
}
