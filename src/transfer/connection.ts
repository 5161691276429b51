import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { FrameReader, frame } from '../dns/framer.ts';
import { messageOf } from '../errors.ts';
import type { PlainAnswer } from './plain/answers.ts';
import type { Peer, Report } from './report.ts';
import { RequestQueue } from './request-queue.ts';
import type { Responder } from './respond.ts';
import { SocketWrites } from './socket-writes.ts';
import type { Transfer } from './transfer.ts';

export interface ConnectionBounds {
  readonly idleMs: number;
  readonly stallMs: number;
  readonly transferMs: number;
  readonly pipelined: number;
}

/**
 * One connection over TCP (RFC 7766) or TLS (RFC 9103, whose rules of connections are the same). Requests come in any
 * segmentation and any number at once, and are answered one after the other. A client that closes its side still gets
 * the answers to what it asked. Nothing is encoded faster than the client reads. Its deadlines are looked at by
 * whoever calls `sweep`, as a timer for each would cost more than a small answer.
 */
export class Connection {
  readonly peer: Peer;
  readonly #socket: Socket;
  readonly #responder: Responder;
  readonly #bounds: ConnectionBounds;
  readonly #report: Report;
  readonly #mayAsk: () => boolean;
  readonly #frames = new FrameReader();
  /** Made for the first request that needs it. */
  #gone: AbortController | undefined;
  readonly #queue: RequestQueue;
  #working = false;
  #ending = false;
  #idleSince: number | undefined = performance.now();
  #transferSince: number | undefined;
  readonly #writes: SocketWrites;
  #cutReason: string | undefined;

  constructor(
    socket: Socket,
    peer: Peer,
    parts: {
      responder: Responder;
      bounds: ConnectionBounds;
      report: Report;
      /** Whether one more request of it is to be looked at. */
      mayAsk: () => boolean;
      onClosed: () => void;
    },
  ) {
    this.peer = peer;
    this.#socket = socket;
    this.#writes = new SocketWrites(socket, () => this.#goneError());
    this.#responder = parts.responder;
    this.#bounds = parts.bounds;
    this.#report = parts.report;
    this.#mayAsk = parts.mayAsk;
    this.#queue = new RequestQueue(parts.bounds.pipelined);
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('end', () => this.finish());
    // What is wrong with the socket is told by 'close' right after.
    socket.on('error', () => {});
    socket.on('close', () => {
      // With a reason given, none is made up, which would take longer than all the rest of closing.
      this.#gone?.abort(GONE);
      this.#writes.gone();
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
    if (!this.#working) this.#writes.close();
  }

  /** Takes no more requests, ends the one under way, and closes. */
  finishCurrent(): void {
    this.#queue.clear();
    this.finish();
  }

  /** Closes at once, whatever is under way. */
  cut(why: string): void {
    this.#cutReason ??= why;
    this.#socket.destroy();
  }

  /** Looks at its deadlines; `now` by `performance.now()`. */
  sweep(now: number): void {
    const { idleMs, stallMs, transferMs } = this.#bounds;
    if (this.#idleSince !== undefined) {
      if (now - this.#idleSince >= idleMs) this.#writes.close();
    } else if (now - (this.#writes.stalledSince ?? now) >= stallMs) {
      this.cut(`the client reads too slowly: a write took longer than ${stallMs} ms`);
    } else if (this.#transferSince !== undefined && now - this.#transferSince >= transferMs) {
      this.cut(`the transfer took longer than ${transferMs} ms`);
    }
  }

  #take(chunk: Buffer): void {
    if (this.#ending) return;
    let messages: Buffer[];
    try {
      messages = this.#frames.push(chunk);
    } catch (error) {
      // Where the next message starts can't be known any more.
      this.#report.turnedAway(this.peer, messageOf(error));
      this.cut(messageOf(error));
      return;
    }
    if (!messages.every(this.#mayAsk)) {
      this.cut('strangers ask too much just now');
      return;
    }
    const answered = this.#working ? 0 : this.#answerNow(messages);
    for (let index = answered; index < messages.length; index++) this.#queue.push(messages[index]!);
    if (!this.#working && this.#queue.length > 0) void this.#work();
    // Back-pressure the other way round: whoever asks faster than is answered waits in its own socket.
    if (this.#queue.isFull) this.#socket.pause();
  }

  /** Gives the first answers as far as they are at hand, in one write, and how many these are. */
  #answerNow(messages: readonly Buffer[]): number {
    const answers: PlainAnswer[] = [];
    let octets = 0;
    for (const message of messages) {
      if (octets >= MOST_AT_ONCE) break;
      const answer = this.#responder.respondNow(message, this.peer);
      if (answer === undefined) break;
      answers.push(answer);
      octets += answer.bytes.length;
    }
    if (answers.length === 0) return 0;
    // copied together: a write of several pieces costs more than the octets of answers as short as these
    const bytes = answers.length === 1 ? answers[0]!.bytes : Buffer.concat(answers.map((one) => one.bytes));
    if (this.#writes.handOver([bytes])) {
      for (const answer of answers) answer.ended();
      this.#idleSince = performance.now();
    } else void this.#work(answers);
    return answers.length;
  }

  /** Serves what waits, behind the answers that are on their way. */
  async #work(first: readonly PlainAnswer[] = []): Promise<void> {
    this.#working = true;
    this.#idleSince = undefined;
    let served = 0;
    try {
      if (first.length > 0) await this.#untilTaken(first);
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        await this.#serve(next);
        // a turn for other connections: answers at hand make no pause by themselves
        if (++served % MOST_IN_A_ROW === 0) await setImmediate();
        if (this.#socket.isPaused() && !this.#queue.isFull) this.#socket.resume();
      }
    } catch (error) {
      // RFC 5936, 2.2: what broke in the middle is never completed; and PowerDNS hangs on a connection left open.
      this.cut(messageOf(error));
    }
    this.#working = false;
    this.#idleSince = performance.now();
    if (this.#ending) this.#writes.close();
  }

  async #serve(bytes: Buffer): Promise<void> {
    const plain = this.#responder.respondNow(bytes, this.peer);
    if (plain !== undefined) {
      this.#writes.handOver([plain.bytes]);
      return await this.#untilTaken([plain]);
    }
    this.#gone ??= new AbortController();
    const response = await this.#responder.respond(bytes, {
      ...this.peer,
      signal: this.#gone.signal,
      cut: (why) => this.cut(why),
    });
    switch (response.kind) {
      case 'silence':
        return;
      case 'message':
        return await this.#writes.write([frame(response.bytes)]);
      case 'transfer':
        return await this.#send(response.transfer);
    }
  }

  async #send(transfer: Transfer): Promise<void> {
    this.#transferSince = performance.now();
    try {
      for await (const batch of transfer.batches()) await this.#writes.write(batch);
      transfer.settle();
    } catch (error) {
      transfer.settle(this.#cutReason ?? messageOf(error));
      throw error;
    } finally {
      this.#transferSince = undefined;
    }
  }

  async #untilTaken(answers: readonly PlainAnswer[]): Promise<void> {
    try {
      await this.#writes.taken();
      for (const answer of answers) answer.ended();
    } catch (error) {
      for (const answer of answers) answer.ended(messageOf(error));
      throw error;
    }
  }

  #goneError(): Error {
    return new Error(this.#cutReason ?? 'the client has closed the connection');
  }
}

const GONE = 'the client has gone';
/** Requests that are served one after the other before others have a turn. */
const MOST_IN_A_ROW = 16;
/** Octets of answers that are put into one write. */
const MOST_AT_ONCE = 65_536;
