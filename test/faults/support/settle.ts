import { expect } from 'vitest';
import { messageOf } from '../../../src/errors.ts';
import { Asker } from '../../support/ask.ts';
import { type Content, contentOf, replay } from '../../support/journal.ts';
import { until } from '../../support/until.ts';
import { asWatched, type Watched } from './checker.ts';
import type { Stage } from './stage.ts';

/** A content of each zone by its id, from which its journal is replayed. */
export type Anchors = Map<string, Content>;

/** Generous, as the machine may be busy; what is measured here is whether, never how soon. */
const DEADLINE_MS = 90_000;

/**
 * The end of a scenario: no more traffic, everything runs again, one more edit of each zone. Then all has to come together: what was
 * confirmed is published, every server has it, the journal leads there, and nothing was violated on the way.
 */
export async function settle(stage: Stage): Promise<string> {
  try {
    return await converge(stage);
  } catch (error) {
    throw new Error(`${messageOf(error)}\n--- PostgreSQL\n${await activity(stage)}`, { cause: error });
  }
}

async function converge(stage: Stage): Promise<string> {
  const { traffic, checker } = stage;
  await traffic.stop();
  await stage.revive();
  for (const plot of traffic.plots)
    await until(`an edit of ${plot.zone}`, () => traffic.edit(plot).then(() => true), {
      deadlineMs: DEADLINE_MS,
      everyMs: 200,
    });
  const servers = [...stage.own, ...stage.secondaries.map(asWatched)];
  const since = performance.now();
  let slowest = { ms: 0, what: 'nothing' };
  const wait = async (what: string, done: Promise<void>) => {
    const from = performance.now();
    await done;
    const ms = performance.now() - from;
    if (ms > slowest.ms) slowest = { ms, what };
  };
  for (const plot of traffic.plots) {
    await wait(`the database with ${plot.zone}`, published(stage, plot));
    for (const server of servers) await wait(`${server.name} with ${plot.zone}`, serves(stage, server, plot));
  }
  const converged = ((performance.now() - since) / 1000).toFixed(1);
  let versions = 0;
  for (const [id, anchor] of stage.anchors) {
    versions += await replay(stage, id, anchor);
    stage.anchors.set(id, await contentOf(stage, id));
  }
  if (checker.violations.length > 0)
    throw new Error(`violated: ${checker.violations.join('\n')}\n${logs(stage, /"level":"(warn|error)"/)}`);
  const { serials, contents } = checker.counts;
  return `${serials} serials, ${contents} contents, ${versions} versions replayed, ${traffic.counts.edits} edits, ${traffic.counts.moves} moves; converged in ${converged} s, waiting longest for ${slowest.what}`;
}

type Plot = Stage['traffic']['plots'][number];

/** Waits until all that was confirmed is published, and where the target leads. */
async function published(stage: Stage, plot: Plot): Promise<void> {
  let wrong: string[] = [];
  await until(
    `${plot.zone} is published`,
    async () => {
      wrong = stage.traffic.missing(plot, await contentOf(stage, plot.id));
      return wrong.length === 0;
    },
    { deadlineMs: DEADLINE_MS, everyMs: 100, explain: () => `${wrong.join('\n')}\n${logs(stage)}` },
  );
}

async function serves(stage: Stage, server: Watched, { zone, id }: Plot): Promise<void> {
  const asker = await Asker.connect(server);
  let last: number | undefined;
  try {
    await until(
      `${server.name} serves what is published of ${zone}`,
      async () => {
        const wanted = await contentOf(stage, id);
        last = await stage.checker.serial(asker, server, zone);
        if (last !== wanted.serial) return false;
        const { serial, lines } = await stage.checker.content(server, zone);
        if (serial !== wanted.serial) return false;
        expect(lines, `${server.name}: ${zone} ${serial}`).toEqual(wanted.lines);
        return true;
      },
      { deadlineMs: DEADLINE_MS, everyMs: 100, explain: () => `it serves ${last}\n${logs(stage)}` },
    );
  } finally {
    asker.close();
  }
}

/** Who is connected to PostgreSQL, and what they do or wait for. */
async function activity({ postgres }: Stage): Promise<string> {
  const text = await postgres
    .admin(
      `select string_agg(format('%s %s %s %s, waits for %s, blocked by %s: %s', pid, application_name, state, now() - state_change,
         wait_event, pg_blocking_pids(pid), left(query, 150)), E'\n' order by state_change)
       from pg_stat_activity where datname is not null and pid <> pg_backend_pid()`,
    )
    .catch(messageOf);
  return String(text);
}

/** The last lines of each process, of those that matter. */
export function logs(stage: Stage, matters = /./): string {
  const last = (log: string) =>
    log
      .split('\n')
      .filter((line) => matters.test(line))
      .slice(-15)
      .join('\n');
  return stage.processes.map((process) => `--- ${process.name}\n${last(process.log())}`).join('\n');
}
