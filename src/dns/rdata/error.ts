import { oneLine } from '../../errors.ts';

/** A record's data that can't be what its type says. The message is one line for people. */
export class RdataError extends Error {
  constructor(message: string) {
    super(oneLine(message));
    this.name = 'RdataError';
  }
}

/** A text within a message: quoted, cut to a readable length, on one line. */
export function quote(text: string): string {
  return `"${oneLine(text, 60)}"`;
}
