/**
 * Waits for a promise, but not longer than `ms`. Afterwards its outcome is of no interest to anybody, a failure
 * included.
 *
 * @throws Error `what` with the time, when it takes longer
 */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
