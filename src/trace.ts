import { createHash, randomBytes } from 'node:crypto';

/**
 * A change's id: 32 hex digits, the form of a trace's id (W3C Trace Context, 3.2.2.3). What was made within a span carries that
 * span's id behind a hyphen.
 */
export type Change = string;

/** An id for what begins here. */
export function newChange(): Change {
  return randomBytes(16).toString('hex');
}

/** The same id for the same text, whoever asks for it. */
export function changeOf(text: string): Change {
  return createHash('md5').update(text).digest('hex');
}

/** The id alone, without the span that it was handed on from. */
export function changeId(change: Change): string {
  return change.slice(0, 32);
}
