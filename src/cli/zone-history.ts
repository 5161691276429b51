import { UserError } from '../errors.ts';
import { oldestSerial, readSteps, type Step } from '../store/history/chain.ts';
import { readDifference } from '../store/history/difference.ts';
import { historyGone } from '../store/history/rollback.ts';
import { findZone } from '../store/zones.ts';
import { causeText, readReason } from '../zone/cause.ts';
import { differenceLines } from '../zone/difference-lines.ts';
import { withDatabase } from './database.ts';
import { print, printJson, table } from './output.ts';
import { noZone } from './zone-show.ts';

const SHOWN_CAUSES = 3; // of one version, without --json

/** The versions of a zone, newest first, each with why it was made. */
export async function history(name: string, options: { limit: number; json?: boolean }): Promise<void> {
  const steps = await withDatabase(async ({ pool }) => {
    const zone = await findZone(pool, name);
    if (!zone) throw noZone(name);
    return readSteps(pool, zone.id, { limit: options.limit });
  });
  if (options.json) {
    printJson(
      steps.map(({ from, to, at, deleted, added, change, reason }) => {
        const { causes, more = 0, joined = [] } = readReason(reason);
        return { serial: to, from, at, deleted, added, change, joined, causes, more };
      }),
    );
    return;
  }
  print(
    table(
      ['serial', 'from', 'published', '-', '+', 'why'],
      steps.map((step) => [step.to, step.from, step.at.toISOString(), step.deleted, step.added, whyOf(step)]),
      `zone ${name} has no history: nothing has changed since its first version`,
    ),
  );
}

function whyOf({ reason }: Step): string {
  const { causes, more = 0 } = readReason(reason);
  const left = more + Math.max(0, causes.length - SHOWN_CAUSES);
  return [...causes.slice(0, SHOWN_CAUSES).map(causeText), ...(left > 0 ? [`and ${left} more`] : [])].join(
    '; ',
  );
}

/** What changed from one version to another, as lines of a master file. */
export async function diff(
  name: string,
  from: number,
  to: number | undefined,
  options: { json?: boolean },
): Promise<void> {
  const { step, wanted } = await withDatabase(async ({ pool }) => {
    const zone = await findZone(pool, name);
    if (!zone) throw noZone(name);
    const wanted = to ?? zone.publishedSerial ?? from;
    const step = from === wanted ? undefined : await readDifference(pool, zone.id, from, wanted);
    if (!step && from !== wanted) {
      const oldest = await oldestSerial(pool, zone.id);
      const known = new Set((await readSteps(pool, zone.id, {})).flatMap((one) => [one.from, one.to]));
      throw new UserError(
        known.has(from) && known.has(wanted)
          ? `the journal between serials ${from} and ${wanted} of zone ${name} is too large to be shown`
          : historyGone(name, known.has(from) ? wanted : from, oldest),
      );
    }
    return { step, wanted };
  });
  const { deleted, added } = step ? differenceLines(name, step) : { deleted: [], added: [] };
  if (options.json) printJson({ zone: name, from, to: wanted, deleted, added });
  else print([...deleted.map((line) => `- ${line}`), ...added.map((line) => `+ ${line}`)].join('\n'));
}
