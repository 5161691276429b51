import { Counter, type Metric, type Registry } from 'prom-client';

type Asked = 'SOA' | 'AXFR' | 'IXFR';

/** What was counted of one kind of question. */
interface Series {
  /** Since the counters were last read: answers by result, and octets. */
  results: Map<string, number>;
  bytes: number;
  /** From the start: answers by the first bound they stay within, all of them, and their seconds. */
  within: number[];
  count: number;
  seconds: number;
}

/**
 * Counts answers to secondaries. A hundred thousand of them may go out in a second, so they are plain additions here, and become series
 * with labels when somebody reads them.
 */
export class TransferTally {
  readonly #series = new Map<Asked, Series>();

  constructor(registry: Registry) {
    const requests = new Counter({
      name: 'zoneferry_xfr_requests_total',
      help: 'Answers with data to secondaries, by what was asked (SOA, AXFR, IXFR) and what came of it.',
      labelNames: ['type', 'result'],
      registers: [registry],
      collect: () => {
        for (const [type, { results }] of this.#series) {
          for (const [result, count] of results) requests.inc({ type, result }, count);
          results.clear();
        }
      },
    });
    const bytes = new Counter({
      name: 'zoneferry_xfr_bytes_total',
      help: 'Octets of DNS messages sent in those answers.',
      labelNames: ['type'],
      registers: [registry],
      collect: () => {
        for (const [type, series] of this.#series) {
          bytes.inc({ type }, series.bytes);
          series.bytes = 0;
        }
      },
    });
    const duration = {
      name: DURATION,
      get: async () => this.#durations(),
      reset: () => this.#series.clear(),
    };
    // the type knows the library's own kinds alone; this is all that a registry asks of one
    registry.registerMetric(duration as unknown as Metric);
  }

  add(asked: Asked, result: string, bytes: number, seconds: number): void {
    const series = this.#of(asked);
    series.results.set(result, (series.results.get(result) ?? 0) + 1);
    series.bytes += bytes;
    series.count++;
    series.seconds += seconds;
    let index = 0;
    while (index < BOUNDS.length && seconds > BOUNDS[index]!) index++;
    series.within[index]!++;
  }

  #of(asked: Asked): Series {
    let series = this.#series.get(asked);
    if (series === undefined) {
      series = {
        results: new Map(),
        bytes: 0,
        within: Array(BOUNDS.length + 1).fill(0),
        count: 0,
        seconds: 0,
      };
      this.#series.set(asked, series);
    }
    return series;
  }

  #durations() {
    const values: { metricName: string; labels: Record<string, string | number>; value: number }[] = [];
    for (const [type, { within, count, seconds }] of this.#series) {
      let atMost = 0;
      BOUNDS.forEach((le, index) => {
        atMost += within[index]!;
        values.push({ metricName: `${DURATION}_bucket`, labels: { le, type }, value: atMost });
      });
      values.push({ metricName: `${DURATION}_bucket`, labels: { le: '+Inf', type }, value: count });
      values.push({ metricName: `${DURATION}_sum`, labels: { type }, value: seconds });
      values.push({ metricName: `${DURATION}_count`, labels: { type }, value: count });
    }
    const help = 'Time from the request to the last octet of the answer.';
    return { name: DURATION, help, type: 'histogram', aggregator: 'sum', values };
  }
}

const DURATION = 'zoneferry_xfr_duration_seconds';
const BOUNDS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300]; // seconds
