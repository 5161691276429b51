import type { Limits, Reply } from './question.ts';

/** A way to put questions to one recursive resolver. */
export interface Transport {
  /**
   * Puts one question and gives the reply to it, proved to be that.
   *
   * @throws the signal's reason when it is aborted
   */
  ask(name: Buffer, type: number, limits: Limits): Promise<Reply>;
  /** Ends what waits, as `unreachable`, and closes all that is open. May be called twice. */
  close(): void;
}
