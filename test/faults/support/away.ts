import { setTimeout as pause } from 'node:timers/promises';

const AWAY = 'PostgreSQL does not answer: the last confirmed versions are served';
/** What ends that: it says so, or begins anew. */
const BACK = ['PostgreSQL answers again', '"msg":"ready"'];
/** What a process has written comes by a pipe, and this process may be busy. */
const COMES_WITHIN_MS = 1_000;
/** Octets that are found again in what was said: at least the time of a line is its own. */
const MARK = 300;

/**
 * To be called before a process is asked: tells afterwards whether it said at any time since then that PostgreSQL doesn't answer it, so that its
 * answer may be older than a NOTIFY.
 *
 * @param log all that it has said so far
 */
export function watchAway(log: () => string): () => Promise<boolean> {
  const mark = log().slice(-MARK);
  return async () => {
    await pause(COMES_WITHIN_MS);
    const said = log();
    const at = said.lastIndexOf(mark) + mark.length;
    return isAway(said.slice(0, at)) || said.slice(at).includes(AWAY);
  };
}

function isAway(said: string): boolean {
  return said.lastIndexOf(AWAY) > Math.max(...BACK.map((words) => said.lastIndexOf(words)));
}
