import { oneLine } from '../../errors.ts';

/** What is wrong in a zone file. The message is one line for people: `file:line: what was wrong, what was expected`. */
export class ZoneFileError extends Error {
  readonly file: string;
  /** From 1; 0 where the file as a whole is meant. */
  readonly line: number;

  constructor(file: string, line: number, what: string) {
    super(oneLine(line === 0 ? `${file}: ${what}` : `${file}:${line}: ${what}`));
    this.name = 'ZoneFileError';
    this.file = file;
    this.line = line;
  }
}

/** What is wrong on a line, before it is known to belong to which file: becomes a ZoneFileError. */
export class LineProblem extends Error {
  constructor(what: string) {
    super(oneLine(what));
    this.name = 'LineProblem';
  }
}
