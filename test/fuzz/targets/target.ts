/** A parser under attack. */
export interface Target {
  /** What it reads, in a few words. */
  about: string;
  /** Words that mutations put in. */
  dictionary?: readonly (string | Buffer)[];
  /** Octets of the longest input that mutations make; 1,024 unless told. */
  longest?: number;
  /** Octets of the longest that it is ever handed, where those are few, as of one message. */
  limit?: number;
  /** Gives it one input. Throws where something does not hold. */
  run(input: Buffer): void | Promise<void>;
}

type ErrorClass = abstract new (...args: never[]) => Error;

/** What the work gives; undefined where it throws one of these errors, in one line. Any other is a fault of the parser. */
export function unless<T>(errors: readonly ErrorClass[], work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!errors.some((one) => error instanceof one)) throw error;
    const { message } = error as Error;
    if (!isShowable(message))
      throw new Error(
        `a message of ${message.length} characters that can't be shown: ${JSON.stringify(message.slice(0, 300))}`,
        { cause: error },
      );
    return undefined;
  }
}

/** What people read, or what goes into a table as JSON: one line of whole characters, not too long. */
export function isShowable(text: string, most = 2_100): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  return text.length <= most && text.isWellFormed() && !/[\u0000-\u001f\u007f-\u009f]/.test(text);
}

/** Something that has to be so. */
export function holds(condition: boolean, what: () => string): void {
  if (!condition) throw new Error(what());
}
