/**
 * An error meant for a person: one line that says what was wrong, what was expected and what to do.
 * The command line prints it as `error: …` and ends with `exitCode`.
 */
export class UserError extends Error {
  /** 1: failed (not found, refused, unreachable); 2: wrong usage. */
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.name = 'UserError';
    this.exitCode = exitCode;
  }
}

/** The message of anything thrown, in one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s*\n\s*/g, ' ');
}
