import { UserError } from '../../errors.ts';
import { counted, print, printJson } from '../output.ts';

/** What one look of `doctor` came to. */
export interface Verdict {
  /** What was looked at. */
  check: string;
  verdict: 'ok' | 'warning' | 'failed';
  /** What was seen, and what to do about it where that is anything. */
  says: string;
}

/**
 * Prints verdicts, one a line or as one JSON document.
 *
 * @throws UserError where any failed: exit status 1
 */
export function printVerdicts(verdicts: readonly Verdict[], json: boolean): void {
  const bad = verdicts.filter(({ verdict }) => verdict === 'failed').length;
  if (json) printJson(verdicts);
  else print(verdicts.map(line).join('\n'));
  if (bad > 0) throw new UserError(`${counted(bad, 'check')} of ${verdicts.length} failed`);
}

function line({ check, verdict, says }: Verdict): string {
  const sign = { ok: 'ok      ', warning: 'warning ', failed: 'FAILED  ' }[verdict];
  return `${sign} ${check}: ${says}`;
}

export const ok = (check: string, says: string): Verdict => ({ check, verdict: 'ok', says });
export const warning = (check: string, says: string): Verdict => ({ check, verdict: 'warning', says });
export const failed = (check: string, says: string): Verdict => ({ check, verdict: 'failed', says });
