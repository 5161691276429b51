/** What one look of `doctor` came to. */
export interface Verdict {
  /** What was looked at. */
  check: string;
  verdict: 'ok' | 'warning' | 'failed';
  /** What was seen, and what to do about it where that is anything. */
  says: string;
}

export const ok = (check: string, says: string): Verdict => ({ check, verdict: 'ok', says });
export const warning = (check: string, says: string): Verdict => ({ check, verdict: 'warning', says });
export const failed = (check: string, says: string): Verdict => ({ check, verdict: 'failed', says });
