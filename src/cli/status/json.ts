import { inWords as standingInWords } from '../../zone/convergence.ts';
import type { Status } from './kinds.ts';

/** The whole state as one object, for `--json`. */
export function inJson(status: Status): object {
  const { zones, aliases, problems, ...rest } = status;
  return {
    zones: zones.rows,
    aliases: aliases.rows,
    damping: rest.damping,
    secondaries: rest.secondaries,
    convergence: rest.standing.rows.map((row) => ({ ...row, words: standingInWords(row, Date.now()) })),
    refusals: rest.refusals.rows,
    problems: problems.rows,
    ahead: rest.ahead.rows,
    guards: rest.guards,
    queue: rest.queue,
    processes: rest.processes,
    totals: {
      zones: zones.total,
      aliases: aliases.total,
      problems: problems.total,
      notConverged: rest.standing.total,
      refusals: rest.refusals.total,
    },
  };
}
