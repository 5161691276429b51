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

/** What a span says beside its name. */
export type SpanValues = Readonly<Record<string, string | number | boolean | undefined>>;

/** A piece of work under way. */
export interface Span {
  /** By what all that it changes is followed, with its own id; undefined where nothing is traced. */
  readonly change: Change | undefined;
  set(values: SpanValues): void;
}

/** A piece of work that somebody else ends. */
export interface OpenSpan extends Span {
  end(failure?: string): void;
}

/** A piece of work that is over. Times in milliseconds since the epoch. */
export interface PastSpan {
  readonly name: string;
  readonly kind?: 'server' | 'client';
  readonly startedAt: number;
  readonly endedAt: number;
  readonly values?: SpanValues;
  /** The trace, and behind a hyphen the span that it belongs to; without that it stands at the top. */
  readonly change: Change;
  /** Its own id, 16 hex digits, where others have to know it. */
  readonly id?: string;
  readonly failure?: string | undefined;
}

/** Where traces go, in a process in which they are wanted. None of it waits or throws but what the work does. */
export interface Tracing {
  span<T>(name: string, values: SpanValues, work: (span: Span) => Promise<T>): Promise<T>;
  /** Work that a request from outside asks for; `headers` may say to which trace it belongs. */
  open(name: string, headers: Readonly<Record<string, unknown>>, work: () => void): OpenSpan;
  record(span: PastSpan): void;
}

const UNTRACED: Span = { change: undefined, set() {} };

/** Does the work within a span, where there is tracing. */
export function inSpan<T>(
  tracing: Tracing | undefined,
  name: string,
  values: SpanValues,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  return tracing === undefined ? work(UNTRACED) : tracing.span(name, values, work);
}

/** What belongs to the publication of a version, in whichever process it happens: the change with the id of that span. */
export function underPublication(change: Change, zone: string, serial: number): Change {
  return `${changeId(change)}-${publicationSpan(change, zone, serial)}`;
}

/** The id of the span in which a version was published: all processes find the same. */
export function publicationSpan(change: Change, zone: string, serial: number): string {
  return changeOf(`${changeId(change)} ${zone} ${serial}`).slice(0, 16);
}
