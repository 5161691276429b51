import type { Limits, Reply } from './question.ts';

/** A way to put questions to one recursive resolver. */
export interface Transport {
  /**
   * Puts one question and gives the reply to it, proved to be that.
   *
   * @throws the signal's reason when it is aborted
   */
  ask(name: Buffer, type: number, limits: Limits): Promise<Reply>;
  /**
   * Puts one question of which is known what to expect (see `KnownQuestion`), and hands on the TTL of just that reply, or any other. Without
   * it every question takes the other way.
   */
  confirm?(
    name: Buffer,
    type: number,
    timeoutMs: number,
    expected: { resolver: string; answer: string },
    done: (got: number | Reply) => void,
  ): void;
  /** Ends what waits, as `unreachable`, and closes all that is open. May be called twice. */
  close(): void;
}
