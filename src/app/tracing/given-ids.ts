import { type IdGenerator, RandomIdGenerator } from '@opentelemetry/sdk-trace';

/** Random ids, but for spans whose ids are settled: other processes know them without being told. */
export class GivenIds implements IdGenerator {
  readonly #random = new RandomIdGenerator();
  #given: { traceId: string; spanId: string | undefined } | undefined;

  /** The span that `start` starts has these ids. */
  using<T>(traceId: string, spanId: string | undefined, start: () => T): T {
    this.#given = { traceId, spanId };
    try {
      return start();
    } finally {
      this.#given = undefined;
    }
  }

  generateTraceId = (): string => this.#given?.traceId ?? this.#random.generateTraceId();
  generateSpanId = (): string => this.#given?.spanId ?? this.#random.generateSpanId();
}
