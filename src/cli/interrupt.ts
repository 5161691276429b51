/** Set by the first Ctrl-C, which then ends a waiting instead of the command. */
export interface Interrupt {
  readonly yes: boolean;
  /** Resolves with the first Ctrl-C. */
  readonly wake: Promise<void>;
  /** Gives Ctrl-C back its usual meaning. */
  off(): void;
}

/** Takes Ctrl-C over from whoever listens to it. */
export function onInterrupt(): Interrupt {
  const others = process.listeners('SIGINT');
  process.removeAllListeners('SIGINT');
  let yes = false;
  let interrupt = () => {};
  const wake = new Promise<void>((resolve) => {
    interrupt = () => {
      yes = true;
      resolve();
    };
  });
  process.once('SIGINT', interrupt);
  return {
    get yes() {
      return yes;
    },
    wake,
    off: () => {
      process.off('SIGINT', interrupt);
      for (const other of others) process.on('SIGINT', other);
    },
  };
}
