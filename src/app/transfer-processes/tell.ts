import type { Counted, Metrics } from '../../http/metrics.ts';

/** How a transfer process is. */
export interface Told {
  /** Why it can't do its work just now. */
  problems: string[];
  counted: Counted;
}

/** What a transfer process tells the one that started it. */
export type ChildMessage = { ready: true } | Told;

const EVERY_MS = 1_000;

/** Tells the process that started this one how it is, each second until the returned function is called. */
export function tellParent(metrics: Metrics, reasons: readonly (() => string | undefined)[]): () => void {
  const tell = async () => {
    const told: Told = {
      problems: reasons.flatMap((reason) => reason() ?? []),
      counted: await metrics.counted(),
    };
    // a parent that has gone is seen by who listens for that
    if (process.connected) process.send?.(told, undefined, {}, () => {});
  };
  const timer = setInterval(() => void tell(), EVERY_MS);
  return () => clearInterval(timer);
}
