/** Milliseconds in which questions are gathered for one statement, and how many at most. */
const GATHER = 3;
const MOST = 500;

interface Waiting<Q, A> {
  question: Q;
  resolve(answer: A): void;
  reject(error: unknown): void;
}

/** Makes a function of one question out of one that answers many at once: what is asked within moments goes into one statement. */
export function together<Q, A>(
  answer: (questions: readonly Q[]) => Promise<readonly A[]>,
): (question: Q) => Promise<A> {
  let waiting: Waiting<Q, A>[] = [];
  let timer: NodeJS.Timeout | undefined;

  function send(): void {
    clearTimeout(timer);
    timer = undefined;
    const batch = waiting;
    waiting = [];
    if (batch.length === 0) return;
    answer(batch.map(({ question }) => question)).then(
      (answers) => {
        for (const [index, one] of batch.entries()) one.resolve(answers[index] as A);
      },
      (error: unknown) => {
        for (const one of batch) one.reject(error);
      },
    );
  }

  return (question) =>
    new Promise((resolve, reject) => {
      waiting.push({ question, resolve, reject });
      if (waiting.length >= MOST) send();
      else timer ??= setTimeout(send, GATHER);
    });
}
