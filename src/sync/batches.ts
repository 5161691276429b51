/** Milliseconds in which items are gathered while nothing is being done, and how many are done at once. */
const GATHER = 5;
const BATCH = 1_000;

interface Waiting<T, R> {
  item: T;
  resolve(result: R): void;
  reject(error: unknown): void;
}

/** Has items done many at once, one batch after the other. */
export class Batches<T, R> {
  readonly #act: (items: readonly T[]) => Promise<readonly R[]>;
  #waiting: Waiting<T, R>[] = [];
  #timer: NodeJS.Timeout | undefined;
  #acting: Promise<void> | undefined;

  /** `act` gives a result for each item, in their order. */
  constructor(act: (items: readonly T[]) => Promise<readonly R[]>) {
    this.#act = act;
  }

  add(item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#acting === undefined) this.#timer ??= setTimeout(() => this.#flush(), GATHER);
    });
  }

  #flush(): void {
    this.#timer = undefined;
    this.#acting = this.#actOnAll().finally(() => {
      this.#acting = undefined;
    });
  }

  async #actOnAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH);
      try {
        const results = await this.#act(batch.map(({ item }) => item));
        for (const [index, { resolve }] of batch.entries()) resolve(results[index]!);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
  }
}
