import { UserError } from '../errors.ts';
import type { JobRecord } from '../sync/job-record.ts';
import type { Queues } from '../sync/queues.ts';
import type { Session } from './database.ts';
import { counted } from './output.ts';

/** BullMQ is loaded only here: it takes longer than all the rest of a command. */
export async function onQueue<T>(session: Session, work: (queues: Queues) => Promise<T>): Promise<T> {
  const { withQueue } = await import('./queue.ts');
  return withQueue(session, work);
}

export function whatOf(data: unknown): string {
  const { zones, due, force, reason } = (data ?? {}) as Record<string, unknown>;
  const what =
    Array.isArray(zones) && zones.length > 0 ? zones.join(', ') : due ? 'targets that are due' : 'all zones';
  return `${what}${force ? ', forced' : ''}${typeof reason === 'string' ? ` (${reason})` : ''}`;
}

export function progressOf(job: JobRecord): string | null {
  const { phase, done, total } = (job.progress ?? {}) as Record<string, unknown>;
  return phase === undefined ? null : `${phase} ${done}/${total}`;
}

export function resultOf(job: JobRecord): string | null {
  if (job.failedReason !== null) return job.failedReason;
  const { targets, changedRecords, changedZones, ms } = (job.result ?? {}) as Record<string, unknown>;
  return targets === undefined
    ? null
    : `${counted(Number(targets), 'target')}, ${counted(Number(changedRecords), 'record')} in ${counted(Number(changedZones), 'zone')} changed, ${ms} ms`;
}

export function noJob(id: string): UserError {
  return new UserError(`no job ${id}: zoneferry jobs lists those there are`);
}
