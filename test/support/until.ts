import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks again and again until there is something, and gives that. After `deadlineMs` an error: what was waited for, the
 * last thing that `look` threw, and what `explain` adds, such as a log.
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  options: { deadlineMs?: number; everyMs?: number; explain?: () => string } = {},
): Promise<T> {
  const { deadlineMs = 15_000, everyMs = 25, explain } = options;
  let last: unknown;
  for (const end = performance.now() + deadlineMs; performance.now() < end; await sleep(everyMs)) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
  }
  const reason = last === undefined ? '' : `: ${last instanceof Error ? last.message : String(last)}`;
  throw new Error(`${what}: not after ${deadlineMs} ms${reason}${explain ? `\n${explain()}` : ''}`);
}
