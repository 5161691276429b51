/** What is to be done when a signal is aborted. One listener a signal: thousands of them would make each removal slow. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls `act` when the signal is aborted, until the function given back is called. */
export function onAbort(signal: AbortSignal | undefined, act: () => void): () => void {
  if (signal === undefined) return none;
  let acts = waiting.get(signal);
  if (acts === undefined) {
    const all = new Set<() => void>();
    acts = all;
    waiting.set(signal, all);
    signal.addEventListener(
      'abort',
      () => {
        for (const each of [...all]) each();
      },
      { once: true },
    );
  }
  acts.add(act);
  return () => acts.delete(act);
}

const none = () => {};
