import type { Log } from '../../log.ts';
import type { Awaited } from './ports.ts';

/** Says that a secondary serves a serial. @param ms since its commit */
export function tellServing(log: Log | undefined, awaited: Awaited, ms: number): void {
  if (log === undefined || log.shows?.('info') === false) return;
  const { secondary, zone, serial, change } = awaited;
  log.info(
    { secondary, zone, serial, ms, ...(change === undefined ? {} : { change }) },
    `${secondary} serves ${zone}, serial ${serial}, ${ms} ms after its commit`,
  );
}
