import type { Job, Queue } from 'bullmq';
import type { Clock } from '../../clock.ts';
import { isScheduled } from './job.ts';

export const KEEP_SCHEDULED = 100;
export const KEEP_OTHERS = 10_000;
export const KEEP_OTHERS_MS = 24 * 3600 * 1000;

const PAGE = 500;
const REMOVALS_AT_ONCE = 20;

/**
 * Removes finished jobs that are past keeping, whoever added them: of scheduled ones the last 100 stay, of all
 * others those of the last 24 h, at most 10,000. BullMQ's own retention counts all jobs of a queue alike and trusts
 * each client's options, so it can't say this.
 *
 * @returns how many finished jobs there were, and how many of them were removed
 */
export async function sweepFinished(queue: Queue, clock: Clock): Promise<{ read: number; removed: number }> {
  const finished = await readFinished(queue);
  const scheduled = finished.filter((job) => job.scheduled);
  const others = finished.filter((job) => !job.scheduled);
  const oldest = clock.now() - KEEP_OTHERS_MS;
  const past = [
    ...scheduled.slice(KEEP_SCHEDULED),
    ...others.filter((job, index) => index >= KEEP_OTHERS || job.finishedOn < oldest),
  ];
  for (let start = 0; start < past.length; start += REMOVALS_AT_ONCE) {
    // Another process may sweep at the same time: gone is gone.
    await Promise.all(past.slice(start, start + REMOVALS_AT_ONCE).map(({ id }) => queue.remove(id)));
  }
  return { read: finished.length, removed: past.length };
}

interface FinishedJob {
  readonly id: string;
  readonly finishedOn: number;
  readonly scheduled: boolean;
}

/** Newest first. */
async function readFinished(queue: Queue): Promise<FinishedJob[]> {
  const found = new Map<string, FinishedJob>();
  for (const state of ['completed', 'failed'] as const) {
    for (let start = 0; ; start += PAGE) {
      const page: (Job | undefined)[] = await queue.getJobs([state], start, start + PAGE - 1);
      for (const job of page) {
        if (job?.id === undefined) continue;
        found.set(job.id, {
          id: job.id,
          finishedOn: job.finishedOn ?? 0,
          scheduled: isScheduled(job.data),
        });
      }
      if (page.length < PAGE) break;
    }
  }
  return [...found.values()].sort((a, b) => b.finishedOn - a.finishedOn);
}
