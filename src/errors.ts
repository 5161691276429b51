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
  return oneLine(text.replace(/\s*\n\s*/g, ' '));
}

/**
 * A text that others wrote, for a line that people read: what would move a terminal's cursor, break the line or turn its direction
 * stands as `?`, and what is over `most` characters is cut.
 */
export function oneLine(text: string, most = 2_000): string {
  const clean = text.toWellFormed().replace(UNPRINTABLE, '?');
  return clean.length > most ? `${cut(clean, most - 1)}…` : clean;
}

/** The first `most` characters, with no half of one at the end: PostgreSQL takes none in JSON. */
export function cut(text: string, most: number): string {
  return text.slice(0, most).toWellFormed();
}

/** Lines that others had a part in, for a terminal: their ends and tabs stay, and of the rest what `oneLine` replaces is replaced. */
export function printable(text: string): string {
  return text.replace(/[^\n\t]+/g, (part) => oneLine(part, Infinity));
}

/** Control characters, separators of lines, and marks of direction. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;
