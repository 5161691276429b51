/** A parser under attack. */
export interface Target {
  /** What it reads, in a few words. */
  about: string;
  /** Words that mutations put in. */
  dictionary?: readonly (string | Buffer)[];
  /** Octets of the longest input that mutations make; 1,024 unless told. */
  longest?: number;
  /** Gives it one input. Throws where something does not hold. */
  run(input: Buffer): void;
}

type ErrorClass = abstract new (...args: never[]) => Error;

/** What the work gives; undefined where it throws one of these errors, in one line. Any other is a fault of the parser. */
export function unless<T>(errors: readonly ErrorClass[], work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!errors.some((one) => error instanceof one)) throw error;
    const { message } = error as Error;
    if (message.length > 2_100)
      throw new Error(`a message of ${message.length} characters`, { cause: error });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    if (/[\u0000-\u001f\u007f-\u009f]/.test(message))
      throw new Error(`control characters in ${JSON.stringify(message.slice(0, 300))}`, { cause: error });
    return undefined;
  }
}

/** Something that has to be so. */
export function holds(condition: boolean, what: () => string): void {
  if (!condition) throw new Error(what());
}
