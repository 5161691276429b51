import { changeId } from '../trace.ts';
import { changeOfJob, type ResyncJob } from './queues.ts';

/** A job as the API and `--json` show it; times in ISO 8601. */
export interface JobRecord {
  id: string;
  name: string;
  /** By what all that it changes is followed. */
  change: string;
  state: string;
  data: unknown;
  progress: unknown;
  addedAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  attempts: number;
  result: unknown;
  failedReason: string | null;
}

export function jobRecord(job: ResyncJob, state: string): JobRecord {
  return {
    id: job.id ?? '',
    name: job.name,
    change: changeId(changeOfJob(job)),
    state,
    data: job.data,
    progress: job.progress || null,
    addedAt: new Date(job.timestamp).toISOString(),
    startedAt: timeOf(job.processedOn),
    finishedAt: timeOf(job.finishedOn),
    attempts: job.attemptsMade,
    result: job.returnvalue ?? null,
    failedReason: job.failedReason || null,
  };
}

function timeOf(ms: number | undefined): string | null {
  return ms ? new Date(ms).toISOString() : null;
}
