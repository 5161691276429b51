import { Worker } from 'node:worker_threads';

/** What the worker gets. */
export interface Work {
  parser: string;
  seeds: Uint8Array[];
  /** Its present input: the length in four octets, the number of inputs so far in four, then the octets. */
  current: SharedArrayBuffer;
  /** When to end, by `Date.now()`. */
  until: number;
  runs: number;
  seed: number;
}

interface Totals {
  /** Inputs run. */
  done: number;
  /** Inputs that reached something new. */
  kept: number;
  /** Characters of program text that ran. */
  seen: number;
}

export type WorkerNews =
  | ({ kind: 'progress' | 'end' } & Totals)
  | { kind: 'new'; input: Uint8Array }
  | { kind: 'finding'; input: Uint8Array; reason: string };

export interface Finding {
  input: Buffer;
  reason: string;
}

export interface FuzzOptions {
  seeds: readonly Buffer[];
  /** Milliseconds at most. */
  forMs: number;
  /** Inputs at most. */
  runs?: number;
  seed?: number;
  /** Milliseconds after which one input counts as one that never ends. */
  hangMs?: number;
  onProgress?: (totals: Totals) => void;
}

export interface FuzzResult extends Totals {
  findings: Finding[];
  /** Inputs that reached what no seed reached. */
  news: Buffer[];
}

const LARGEST = 1 << 20;
/** Of the worker's heap: an input that needs more is a finding. */
const HEAP_MB = 768;

/**
 * Feeds a parser with children of the seeds, those of inputs that reached something new among them. In a thread of its own, so that an
 * input that never ends, or takes all memory, is caught and named.
 */
export function fuzz(parser: string, options: FuzzOptions): Promise<FuzzResult> {
  const { seeds, forMs, runs = Number.MAX_SAFE_INTEGER, seed = Date.now() % 1e9, hangMs = 20_000 } = options;
  const current = new SharedArrayBuffer(8 + LARGEST);
  const work: Work = { parser, seeds: [...seeds], current, until: Date.now() + forMs, runs, seed };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: work,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  const result: FuzzResult = { findings: [], news: [], done: 0, kept: 0, seen: 0 };
  return new Promise((resolve, reject) => {
    // until the first input: to load the parser takes as long as the machine has others to serve
    let last = Number.POSITIVE_INFINITY;
    const finish = () => {
      clearInterval(watch);
      void worker.terminate().then(() => resolve(result));
    };
    const progress = new Int32Array(current, 0, 2);
    let inputs = 0;
    const blame = (reason: string) => {
      result.findings.push({ input: Buffer.from(new Uint8Array(current, 8, progress[0]!)), reason });
      finish();
    };
    const watch = setInterval(() => {
      const now = Atomics.load(progress, 1);
      if (now !== inputs) last = performance.now();
      inputs = now;
      if (performance.now() - last > hangMs) blame(`no end within ${hangMs} ms`);
    }, 250);
    worker.on('message', (news: WorkerNews) => {
      if (news.kind === 'new') result.news.push(Buffer.from(news.input));
      else if (news.kind === 'finding')
        result.findings.push({ input: Buffer.from(news.input), reason: news.reason });
      else {
        const { done, kept, seen } = news;
        Object.assign(result, { done, kept, seen });
        options.onProgress?.({ done, kept, seen });
        if (news.kind === 'end') finish();
      }
    });
    worker.on('error', (error) => {
      if ((error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY')
        return blame(`over ${HEAP_MB} MB of memory`);
      clearInterval(watch);
      reject(error);
    });
  });
}
