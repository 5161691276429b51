import type { Socket } from 'node:net';
import { FrameReader, frame } from '../dns/framer.ts';
import { messageOf } from '../errors.ts';
import type { Peer, Report } from './report.ts';
import type { Responder } from './respond.ts';
import type { Transfer } from './transfer.ts';

export interface ConnectionBounds {
  readonly idleMs: number;
  readonly stallMs: number;
  readonly transferMs: number;
  readonly pipelined: number;
}

/**
 * One connection over TCP (RFC 7766) or TLS (RFC 9103, whose rules of connections are the same). Requests come in any segmentation and any number at once, and are answered one
 * after the other. A client that closes its side still gets the answers to what it asked. Nothing is encoded faster
 * than the client reads.
 */
export class Connection {
  readonly peer: Peer;
  readonly #socket: Socket;
  readonly #responder: Responder;
  readonly #bounds: ConnectionBounds;
  readonly #report: Report;
  readonly #frames = new FrameReader();
  readonly #gone = new AbortController();
  #idle: NodeJS.Timeout;
  #queue: Buffer[] = [];
  #working = false;
  #ending = false;
  #idleSince: number | undefined = performance.now();
  #cutReason: string | undefined;

  constructor(
    socket: Socket,
    peer: Peer,
    parts: { responder: Responder; bounds: ConnectionBounds; report: Report; onClosed: () => void },
  ) {
    this.peer = peer;
    this.#socket = socket;
    this.#responder = parts.responder;
    this.#bounds = parts.bounds;
    this.#report = parts.report;
    this.#idle = this.#startIdle();
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('end', () => this.finish());
    // What is wrong with the socket is told by 'close' right after.
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(this.#idle);
      // With a reason given, none is made up, which would take longer than all the rest of closing.
      this.#gone.abort(GONE);
      parts.onClosed();
    });
  }

  /** Since when nothing is under way, by the process's own clock; undefined while something is. */
  get idleSince(): number | undefined {
    return this.#idleSince;
  }

  /** Takes no more requests, answers those that are there, and closes. */
  finish(): void {
    this.#ending = true;
    if (!this.#working) this.#socket.destroySoon();
  }

  /** Takes no more requests, ends the one under way, and closes. */
  finishCurrent(): void {
    this.#queue = [];
    this.finish();
  }

  /** Closes at once, whatever is under way. */
  cut(why: string): void {
    this.#cutReason ??= why;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#ending) return;
    try {
      this.#queue.push(...this.#frames.push(chunk));
    } catch (error) {
      // Where the next message starts can't be known any more.
      this.#report.turnedAway(this.peer, messageOf(error));
      this.cut(messageOf(error));
      return;
    }
    // Back-pressure the other way round: whoever asks faster than is answered waits in its own socket.
    if (this.#queue.length >= this.#bounds.pipelined) this.#socket.pause();
    if (!this.#working && this.#queue.length > 0) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    this.#idleSince = undefined;
    clearTimeout(this.#idle);
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        await this.#serve(next);
        if (this.#socket.isPaused() && this.#queue.length < this.#bounds.pipelined) this.#socket.resume();
      }
    } catch (error) {
      // RFC 5936, 2.2: what broke in the middle is never completed; and PowerDNS hangs on a connection left open.
      this.cut(messageOf(error));
    }
    this.#working = false;
    this.#idleSince = performance.now();
    if (this.#socket.destroyed) return;
    if (this.#ending) this.#socket.destroySoon();
    else this.#idle = this.#startIdle();
  }

  async #serve(bytes: Buffer): Promise<void> {
    const response = await this.#responder.respond(bytes, {
      ...this.peer,
      signal: this.#gone.signal,
      cut: (why) => this.cut(why),
    });
    switch (response.kind) {
      case 'silence':
        return;
      case 'message':
        return await this.#write([frame(response.bytes)]);
      case 'transfer':
        return await this.#send(response.transfer);
    }
  }

  async #send(transfer: Transfer): Promise<void> {
    const { transferMs } = this.#bounds;
    const timer = setTimeout(() => this.cut(`the transfer took longer than ${transferMs} ms`), transferMs);
    try {
      for await (const batch of transfer.batches()) await this.#write(batch);
      transfer.settle();
    } catch (error) {
      transfer.settle(this.#cutReason ?? messageOf(error));
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Hands pieces to the kernel, and waits until it has taken them all. */
  async #write(pieces: Buffer[]): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed) throw new Error(this.#cutReason ?? 'the client has closed the connection');
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const gone = (): void => reject(new Error(this.#cutReason ?? 'the client has closed the connection'));
    const timer = setTimeout(
      () => this.cut(`the client reads too slowly: a write took longer than ${this.#bounds.stallMs} ms`),
      this.#bounds.stallMs,
    );
    socket.once('close', gone);
    try {
      socket.cork();
      const last = pieces.length - 1;
      pieces.forEach((piece, index) => {
        if (index < last) socket.write(piece);
        else socket.write(piece, (error) => (error ? gone() : resolve()));
      });
      socket.uncork();
      await promise;
    } finally {
      clearTimeout(timer);
      socket.off('close', gone);
    }
  }

  #startIdle(): NodeJS.Timeout {
    return setTimeout(() => this.#socket.destroySoon(), this.#bounds.idleMs);
  }
}

const GONE = 'the client has gone';
