import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from 'prom-client';
import { TransferTally } from './transfer-tally.ts';

/** One answer to a secondary, as the transfer server tells it. */
export interface TransferSeen {
  asked: 'SOA' | 'AXFR' | 'IXFR';
  given: string;
  complete: boolean;
  bytes: number;
  ms: number;
}

/** Counters and histograms with their values, as they go from one process to another. */
export type Counted = MetricObjectWithValues<MetricValue<string>>[];

/** The sum of what several processes counted. */
export function sumCounted(parts: readonly Counted[]): Promise<Counted> {
  return AggregatorRegistry.aggregate([...parts]).getMetricsAsJSON();
}

/** What this process counts from its start. What stands in the database is read at each scrape: see scrape.ts. */
export class Metrics {
  /** What is about Zoneferry. */
  readonly registry = new Registry();
  /** What is about this process alone: memory, processor, event loop. */
  readonly #process = new Registry();
  readonly #others: (() => Promise<Counted[]>)[] = [];
  readonly #transfers: TransferTally;
  readonly #sent: Counter<'result'>;
  readonly #answered: Histogram;
  readonly #resolved: Counter<'outcome'>;
  readonly #saved: Counter;
  readonly #spent: Counter;
  readonly #outcomes = new Map<string, Counter.Internal>();
  readonly #refused: Counter<'reason'>;
  readonly #reasons = new Map<string, Counter.Internal>();

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.#process });
    this.#transfers = new TransferTally(this.registry);
    this.#sent = new Counter({
      name: 'zoneferry_notify_sent_total',
      help: 'NOTIFYs sent, by the rcode of the reply in words, or silent.',
      labelNames: ['result'],
      registers,
    });
    this.#answered = new Histogram({
      name: 'zoneferry_notify_reply_seconds',
      help: 'Time from a NOTIFY to its reply, where one came.',
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
      registers,
    });
    this.#resolved = new Counter({
      name: 'zoneferry_alias_resolve_total',
      help: 'Questions about ALIAS targets, one for each family, by outcome: found, nodata, nxdomain, or why it failed.',
      labelNames: ['outcome'],
      registers,
    });
    this.#refused = new Counter({
      name: 'zoneferry_requests_refused_total',
      help: 'Requests that were refused, by the reason that the log has.',
      labelNames: ['reason'],
      registers,
    });
    this.#saved = new Counter({
      name: 'zoneferry_serials_saved_total',
      help: 'Answers of rotating ALIAS targets, other than the one before, that cost their zones no serial.',
      registers,
    });
    this.#spent = new Counter({
      name: 'zoneferry_serials_spent_total',
      help: 'Answers of rotating ALIAS targets that were published, at a serial for each zone.',
      registers,
    });
  }

  /** Adds what other processes count to what `text` gives. */
  include(read: () => Promise<Counted[]>): void {
    this.#others.push(read);
  }

  /** What this process counted, without gauges. */
  async counted(): Promise<Counted> {
    const all = await this.registry.getMetricsAsJSON();
    return all.filter(({ type }) => String(type) === 'counter' || String(type) === 'histogram');
  }

  /** Everything, as Prometheus reads it. */
  async text(): Promise<string> {
    const others = (await Promise.all(this.#others.map((read) => read()))).flat();
    const ours =
      others.length === 0
        ? this.registry
        : AggregatorRegistry.aggregate([await this.registry.getMetricsAsJSON(), ...others]);
    return `${await ours.metrics()}\n${await this.#process.metrics()}`;
  }

  transferEnded({ asked, given, complete, bytes, ms }: TransferSeen): void {
    const result = complete ? (RESULTS[given] ?? given) : 'broken_off';
    this.#transfers.add(asked, result, bytes, ms / 1000);
  }

  /** `rcode` in words; undefined where no reply came. */
  notified(rcode: string | undefined, ms: number): void {
    this.#sent.inc({ result: rcode?.toLowerCase() ?? 'silent' });
    if (rcode !== undefined) this.#answered.observe(ms / 1000);
  }

  /** What became of another answer of a rotating target. */
  rotated(serials: 'saved' | 'spent'): void {
    (serials === 'saved' ? this.#saved : this.#spent).inc();
  }

  resolved(outcome: string): void {
    countOne(this.#outcomes, outcome, () => this.#resolved.labels({ outcome }));
  }

  refused(reason: string): void {
    countOne(this.#reasons, reason, () => this.#refused.labels({ reason }));
  }
}

/** Looked up once: labels are hashed at each call. */
function countOne(known: Map<string, Counter.Internal>, label: string, make: () => Counter.Internal): void {
  let counter = known.get(label);
  if (counter === undefined) {
    counter = make();
    known.set(label, counter);
  }
  counter.inc();
}

const RESULTS: Record<string, string> = {
  SOA: 'soa',
  AXFR: 'axfr',
  IXFR: 'ixfr',
  'AXFR-style IXFR': 'axfr_style',
  'up-to-date': 'up_to_date',
  'retry over TCP': 'retry_over_tcp',
};
