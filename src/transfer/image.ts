import type { PublishedZone } from '../zone/version.ts';
import type { Chunk, RenderedMessage } from './chunk.ts';

/** Messages to be sent in order; those not rendered yet come as a promise, undefined is the end. */
export interface MessageStream {
  /** The version that the messages are of. */
  readonly zone: PublishedZone;
  at(index: number): RenderedMessage | undefined | Promise<RenderedMessage | undefined>;
  /** To be called once by whoever reads, whatever happened. */
  close(): void;
}

/** What is sent of one zone, as messages. It grows while it is rendered, and never changes otherwise. */
export class Image {
  /** The serial that was asked for: what is opened is of this one or of a newer one. */
  readonly wanted: number;
  /** Settled when the version is open. */
  readonly opened: Promise<PublishedZone>;
  /** Octets of all messages so far. */
  bytes = 0;
  /** Octets of all records but SOA so far, without any compression: what a history is measured against. */
  contentBytes = 0;
  zone: PublishedZone | undefined;
  state: 'rendering' | 'complete' | 'failed' = 'rendering';
  /** For whoever keeps it: whether anybody used it since that was last looked at. */
  isUsed = false;
  /** How many versions in a row, this one among them, were made and not read by anybody. */
  unread = 0;
  /** All parts so far; some may be those of other versions as well. */
  readonly chunks: Chunk[] = [];
  readonly #messages: RenderedMessage[] = [];
  readonly #readers = new Set<(why: string) => void>();
  /** Why it failed. */
  error: unknown;
  #waiters: (() => void)[] = [];
  readonly #settleOpened: { resolve(zone: PublishedZone): void; reject(error: unknown): void };

  constructor(wanted: number) {
    this.wanted = wanted;
    const { promise, resolve, reject } = Promise.withResolvers<PublishedZone>();
    this.opened = promise;
    this.#settleOpened = { resolve, reject };
    // Whoever waits for it hears of a failure; nobody has to.
    promise.catch(() => {});
  }

  get inUse(): boolean {
    return this.#readers.size > 0;
  }

  /** Its message, where it is complete and has one alone. */
  get only(): RenderedMessage | undefined {
    return this.state === 'complete' && this.#messages.length === 1 ? this.#messages[0] : undefined;
  }

  isOpen(zone: PublishedZone): void {
    this.zone = zone;
    this.#settleOpened.resolve(zone);
  }

  append(chunk: Chunk): void {
    this.chunks.push(chunk);
    this.#messages.push(...chunk.messages);
    this.bytes += chunk.bytes;
    this.contentBytes += chunk.contentBytes;
    this.#wake();
  }

  complete(): void {
    this.state = 'complete';
    this.#wake();
  }

  fail(error: unknown): void {
    this.state = 'failed';
    this.error = error;
    this.#settleOpened.reject(error);
    this.#wake();
  }

  /** Waits until it is complete or has failed. */
  async settled(): Promise<void> {
    while (this.state === 'rendering') await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  /** Tells everybody who reads it to stop. */
  cut(why: string): void {
    for (const stop of [...this.#readers]) stop(why);
  }

  /**
   * A reader's own view. The version must be open.
   *
   * @param onCut called where the version can't be kept for this reader any longer
   * @param onClosed called when the reader is done
   */
  read(onCut: (why: string) => void, onClosed: () => void): MessageStream {
    const stop = (why: string): void => onCut(why);
    this.#readers.add(stop);
    this.unread = 0;
    return {
      zone: this.zone!,
      at: (index) => this.#at(index),
      close: () => {
        if (this.#readers.delete(stop)) onClosed();
      },
    };
  }

  #at(index: number): RenderedMessage | undefined | Promise<RenderedMessage | undefined> {
    const message = this.#messages[index];
    if (message !== undefined) return message;
    if (this.state === 'complete') return undefined;
    if (this.state === 'failed') return Promise.reject(this.error);
    return new Promise<void>((resolve) => this.#waiters.push(resolve)).then(() => this.#at(index));
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}
