import { type Profiler, Session } from 'node:inspector';

/** The blocks of code that ran, by V8's own count (`node:inspector`), of the files whose URL has a part in it. */
export class Coverage {
  readonly #session = new Session();
  readonly #within: string;
  /** By function: the ranges of its text that never ran yet. */
  readonly #unseen = new Map<string, Range[]>();
  #seen = 0;

  constructor(within: string) {
    this.#within = within;
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Characters of program text that have run. */
  get seen(): number {
    return this.#seen;
  }

  /** Whether something ran since the last call that never ran before; it counts as seen from now on where `note` is set. */
  grew(note: boolean): boolean {
    let grew = false;
    for (const { url, functions } of this.#take()) {
      if (!url.includes(this.#within)) continue;
      for (const one of functions) if (this.#grewIn(url, one, note)) grew = true;
    }
    return grew;
  }

  close(): void {
    this.#session.disconnect();
  }

  #take(): Profiler.ScriptCoverage[] {
    let taken: Profiler.ScriptCoverage[] = [];
    // in the same thread the answer is there when `post` returns
    this.#session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error) throw error;
      taken = result;
    });
    return taken;
  }

  #grewIn(url: string, { ranges }: Profiler.FunctionCoverage, note: boolean): boolean {
    const [whole] = ranges;
    if (whole === undefined || whole.count === 0) return false;
    const key = `${url} ${whole.startOffset} ${whole.endOffset}`;
    const before = this.#unseen.get(key) ?? [[whole.startOffset, whole.endOffset]];
    const after = intersection(before, notRun(ranges));
    const more = lengthOf(before) - lengthOf(after);
    if (more > 0 && note) {
      this.#unseen.set(key, after);
      this.#seen += more;
    }
    return more > 0;
  }
}

type Range = readonly [from: number, to: number];

/** Where nothing ran: inner ranges, which come later, overrule those around them. */
function notRun(ranges: readonly Profiler.CoverageRange[]): Range[] {
  const edges = [...new Set(ranges.flatMap(({ startOffset, endOffset }) => [startOffset, endOffset]))].sort(
    (a, b) => a - b,
  );
  const dead: Range[] = [];
  for (let index = 0; index + 1 < edges.length; index++) {
    const [from, to] = [edges[index]!, edges[index + 1]!];
    const inner = ranges.findLast(({ startOffset, endOffset }) => startOffset <= from && endOffset >= to);
    if (inner?.count === 0) dead.push([from, to]);
  }
  return dead;
}

function intersection(a: readonly Range[], b: readonly Range[]): Range[] {
  const both: Range[] = [];
  for (const [aFrom, aTo] of a)
    for (const [bFrom, bTo] of b)
      if (Math.max(aFrom, bFrom) < Math.min(aTo, bTo))
        both.push([Math.max(aFrom, bFrom), Math.min(aTo, bTo)]);
  return both;
}

function lengthOf(ranges: readonly Range[]): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from, 0);
}
