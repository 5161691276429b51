import { onAbort } from './aborts.ts';
import type { Expiring } from './deadlines.ts';

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
  | { kind: 'unreachable'; detail: string }
  /** Somebody guesses at ids: UDP is not to be believed. */
  | { kind: 'flooded'; detail: string };

/** Called once. */
export type Done<T> = (got: Exchange<T>) => void;

/** The socket on which a question is under way. */
interface Asking {
  send(id: number, question: Question<unknown>): void;
  left(waiting: Expiring & { id: number }): void;
}

/** One question under way on a socket. */
export class Waiting<T> implements Expiring {
  readonly deadline: number;
  readonly id: number;
  readonly #socket: Asking;
  readonly #question: Question<T>;
  readonly #done: Done<T>;
  readonly #forget: (() => void) | undefined;

  constructor(
    socket: Asking,
    id: number,
    question: Question<T>,
    done: Done<T>,
    given?: (reason: unknown) => void,
  ) {
    this.deadline = performance.now() + question.timeoutMs;
    this.id = id;
    this.#socket = socket;
    this.#question = question;
    this.#done = done;
    const { signal } = question;
    if (signal)
      this.#forget = onAbort(signal, () => {
        this.#leave();
        given?.(signal.reason);
      });
  }

  send(): void {
    this.#socket.send(this.id, this.#question);
  }

  /** Whether it was the reply. */
  offer(bytes: Buffer): boolean {
    const reply = this.#question.accept(bytes);
    if (reply !== undefined) this.#end({ kind: 'reply', reply });
    return reply !== undefined;
  }

  flooded(detail: string): void {
    this.#end({ kind: 'flooded', detail });
  }

  fail(detail: string): void {
    this.#end({ kind: 'unreachable', detail });
  }

  expire(): void {
    this.#end({ kind: 'timeout' });
  }

  #leave(): void {
    this.#forget?.();
    this.#socket.left(this);
  }

  #end(got: Exchange<T>): void {
    this.#leave();
    this.#done(got);
  }
}
