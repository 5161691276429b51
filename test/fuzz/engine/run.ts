import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Present } from './present.ts';

/** What the worker is told. */
export interface Work {
  parser: string;
  seeds: Uint8Array[];
  /** Where it keeps its present input. */
  present: string;
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

/** Of the worker's heap: an input that needs more is a finding. */
const HEAP_MB = 768;
const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));

/**
 * Feeds a parser with children of the seeds, those of inputs that reached something new among them. In a process of its own, so that an
 * input that never ends, takes all memory or breaks the engine itself is caught and named.
 */
export async function fuzz(parser: string, options: FuzzOptions): Promise<FuzzResult> {
  const { seeds, forMs, runs = Number.MAX_SAFE_INTEGER, seed = Date.now() % 1e9 } = options;
  const folder = mkdtempSync(join(tmpdir(), 'zoneferry-fuzz-'));
  const present = Present.create(join(folder, 'input'));
  const worker = fork(WORKER, {
    // a core that it leaves goes with it
    cwd: folder,
    serialization: 'advanced',
    // for the worker alone: nothing of how this process was started
    execArgv: [`--max-old-space-size=${HEAP_MB}`],
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  const kill = () => worker.kill('SIGKILL');
  process.once('exit', kill);
  try {
    worker.send({
      parser,
      seeds: [...seeds],
      present: present.file,
      until: Date.now() + forMs,
      runs,
      seed,
    } satisfies Work);
    return await follow(worker, present, options);
  } finally {
    process.removeListener('exit', kill);
    present.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the worker says until it ends; one that ends without having said so has found something too. */
function follow(
  worker: ChildProcess,
  present: Present,
  { hangMs = 20_000, onProgress }: FuzzOptions,
): Promise<FuzzResult> {
  const result: FuzzResult = { findings: [], news: [], done: 0, kept: 0, seen: 0 };
  let ended = false;
  let hung = false;
  let said = '';
  // no input yet: to load the parser takes as long as the machine has others to serve
  let last = Number.POSITIVE_INFINITY;
  let inputs = 0;
  const watch = setInterval(() => {
    const now = present.inputs();
    if (now !== inputs) last = performance.now();
    inputs = now;
    if (performance.now() - last <= hangMs) return;
    hung = true;
    worker.kill('SIGKILL');
  }, 250);
  worker.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-20_000);
  });
  worker.on('message', (news: WorkerNews) => {
    if (news.kind === 'new') result.news.push(Buffer.from(news.input));
    else if (news.kind === 'finding')
      result.findings.push({ input: Buffer.from(news.input), reason: news.reason });
    else {
      const { done, kept, seen } = news;
      Object.assign(result, { done, kept, seen });
      onProgress?.({ done, kept, seen });
      ended = news.kind === 'end';
    }
  });
  return new Promise((resolve, reject) => {
    worker.once('error', (error) => {
      clearInterval(watch);
      reject(error);
    });
    worker.once('close', (status, signal) => {
      clearInterval(watch);
      if (ended) return resolve(result);
      if (present.inputs() === 0)
        return reject(new Error(`the worker ended before its first input (${signal ?? status}): ${said}`));
      const reason = hung
        ? `no end within ${hangMs} ms`
        : said.includes('heap out of memory')
          ? `over ${HEAP_MB} MB of memory`
          : `the process ended (${signal ?? `exit status ${status}`}): ${said}`;
      result.findings.push({ input: present.input(), reason });
      resolve(result);
    });
  });
}
