import type { Clock } from '../clock.ts';
import { within } from './deadline.ts';
import type { MessageStream } from './image.ts';
import type { ReplyMaker } from './reply.ts';

/** How much was sent. */
export interface TransferCounts {
  readonly messages: number;
  readonly records: number;
  readonly bytes: number;
  readonly ms: number;
}

/**
 * An answer of many messages on its way to one client. Whoever sends it takes `batches` to their end and calls
 * `settle` once, with the reason where it did not get there.
 */
export class Transfer {
  readonly #stream: MessageStream;
  readonly #reply: ReplyMaker;
  readonly #clock: Clock;
  readonly #sourceMs: number;
  readonly #startedAt: number;
  readonly #onSettled: (counts: TransferCounts, failure?: string) => void;
  #messages = 0;
  #records = 0;
  #bytes = 0;
  #settled = false;

  constructor(parts: {
    stream: MessageStream;
    reply: ReplyMaker;
    clock: Clock;
    sourceMs: number;
    onSettled: (counts: TransferCounts, failure?: string) => void;
  }) {
    this.#stream = parts.stream;
    this.#reply = parts.reply;
    this.#clock = parts.clock;
    this.#sourceMs = parts.sourceMs;
    this.#onSettled = parts.onSettled;
    this.#startedAt = parts.clock.now();
  }

  /** Frames for the socket, some at a time. Nothing is made before it is asked for: the reader sets the pace. */
  async *batches(): AsyncGenerator<Buffer[]> {
    let batch: Buffer[] = [];
    let batchBytes = 0;
    for (let index = 0; ; index++) {
      const next = this.#stream.at(index);
      // It may fail while the batch before it is still being written, when nobody waits for it yet.
      if (next instanceof Promise) next.catch(() => {});
      if (next instanceof Promise && batch.length > 0) {
        yield batch;
        batch = [];
        batchBytes = 0;
      }
      const message =
        next instanceof Promise ? await within(this.#sourceMs, 'the next part of the zone', next) : next;
      if (message === undefined) break;
      const frame = this.#reply.frame(message, index === 0);
      this.#messages++;
      this.#records += message.answers;
      this.#bytes += frame.bytes;
      batch.push(...frame.pieces);
      batchBytes += frame.bytes;
      if (batchBytes >= BATCH_BYTES) {
        yield batch;
        batch = [];
        batchBytes = 0;
      }
    }
    if (batch.length > 0) yield batch;
  }

  settle(failure?: string): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#stream.close();
    this.#onSettled(
      {
        messages: this.#messages,
        records: this.#records,
        bytes: this.#bytes,
        ms: this.#clock.now() - this.#startedAt,
      },
      failure,
    );
  }
}

/**
 * Octets handed to the socket at once. They are shared with everybody who reads the same version, so that a slow reader
 * makes us hold a few heads alone; a larger number makes fewer calls, and asks more of slow lines, as each write has a
 * deadline.
 */
const BATCH_BYTES = 262_144;
