import type { Clock } from '../clock.ts';
import { changeOf, type Tracing, underPublication } from '../trace.ts';
import type { DueNotification } from './outbox.ts';
import type { SendResult } from './sender.ts';

/** What one round told of one change. */
interface Told {
  row: DueNotification;
  startedAt: number;
  left: number;
  count: number;
  answered: number;
  silent: number;
}

/** One span for what a round of NOTIFYs tells of one change, over when the last of them has come to an end. */
export class NotifySpans {
  readonly #tracing: Tracing;
  readonly #clock: Clock;
  readonly #of = new WeakMap<DueNotification, Told>();

  constructor(tracing: Tracing, clock: Clock) {
    this.#tracing = tracing;
    this.#clock = clock;
  }

  taken(rows: readonly DueNotification[]): void {
    const round = new Map<string, Told>();
    const startedAt = this.#clock.now();
    for (const row of rows) {
      const key = row.change ?? changeOf(`${row.zoneId} ${row.serial}`);
      const told = round.get(key) ?? { row, startedAt, left: 0, count: 0, answered: 0, silent: 0 };
      round.set(key, told);
      told.left++;
      told.count++;
      this.#of.set(row, told);
    }
  }

  /** `result` is missing for one that was put back unsent, or given up for a newer serial. */
  ended(row: DueNotification, result?: SendResult): void {
    const told = this.#of.get(row);
    if (told === undefined) return;
    this.#of.delete(row);
    if (result?.kind === 'answered') told.answered++;
    else if (result?.kind === 'silent') told.silent++;
    if (--told.left === 0) this.#record(told);
  }

  #record({ row, startedAt, count, answered, silent }: Told): void {
    const { zone, serial, secondary, change } = row;
    if (change === undefined) return;
    this.#tracing.record({
      name: 'NOTIFY',
      kind: 'client',
      startedAt,
      endedAt: this.#clock.now(),
      change: underPublication(change, zone, serial),
      values: { zone, serial, secondary, notifications: count, answered, silent },
      ...(silent > 0 && answered === 0 ? { failure: 'no answer' } : {}),
    });
  }
}
