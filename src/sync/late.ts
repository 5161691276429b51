/** Milliseconds that one family waits for the other. */
export const LATE_BY = 250;

/** What is promised, or undefined where it is late. */
export async function withinReason<T>(promised: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), LATE_BY);
  });
  try {
    return await Promise.race([promised, late]);
  } finally {
    clearTimeout(timer);
  }
}
