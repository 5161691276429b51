import type { Log } from '../log.ts';
import type { Asker } from '../store/followers.ts';
import { changeId } from '../trace.ts';
import type { Decision } from '../zone/alias/decide.ts';

/** A line for what is news of a target. */
export function report(log: Log, name: string, { state, news, changed }: Decision, asker: Asker): void {
  const { a, aaaa, failures } = state;
  const by = { job: asker.job, change: asker.change && changeId(asker.change) };
  for (const line of news) log.warn({ target: name, ...by }, `${name}: ${line}`);
  if (changed) {
    log.info({ target: name, a: a.addresses, aaaa: aaaa.addresses, ...by }, `${name} changed its addresses`);
  } else if (failures === 1) {
    log.warn(
      { target: name, a: a.detail, aaaa: aaaa.detail, ...by },
      `${name} was not resolved; what is published stays`,
    );
  }
}
