import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../../src/errors.ts';
import { targets } from '../targets/index.ts';
import { faulty } from '../targets/self-test.ts';
import { Coverage } from './coverage.ts';
import { Dice, mutate } from './mutate.ts';
import type { Work, WorkerNews } from './run.ts';

/** Inputs between two looks at the coverage: a look costs as much as some hundred inputs. */
const BATCH = 400;

const { parser, seeds, current, until, runs, seed } = workerData as Work;
const target = (targets[parser] ?? faulty[parser])!;
const shown = new Uint8Array(current, 8);
const progress = new Int32Array(current, 0, 2);
const dice = new Dice(seed);
const dictionary = (target.dictionary ?? []).map((word) => Buffer.from(word));
const coverage = new Coverage('/src/');
const kept: Buffer[] = [];
const told = new Set<string>();
let done = 0;

for (const input of seeds.map((bytes) => Buffer.from(bytes))) {
  await run(input);
  coverage.grew(true);
  kept.push(input);
}
if (kept.length === 0) kept.push(Buffer.alloc(0));
while (done < runs && Date.now() < until) {
  const children = Array.from({ length: Math.min(BATCH, runs - done) }, () =>
    mutate(dice, dice.of(kept), dice.of(kept), dictionary, target.longest ?? 1024),
  );
  for (const child of children) await run(child);
  if (coverage.grew(false)) {
    for (const child of children) {
      await run(child);
      if (!coverage.grew(true)) continue;
      kept.push(child);
      tell({ kind: 'new', input: child });
    }
  }
  tell({ kind: 'progress', done, kept: kept.length, seen: coverage.seen });
}
coverage.close();
tell({ kind: 'end', done, kept: kept.length, seen: coverage.seen });

async function run(input: Buffer): Promise<void> {
  // for whoever watches from outside: what it was at, should it never come back
  shown.set(input);
  Atomics.store(progress, 0, input.length);
  Atomics.add(progress, 1, 1);
  done++;
  try {
    await target.run(input);
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
    const { cause = error } = error as Error;
    // one of each place that throws: words differ with each input
    const where = cause instanceof Error ? (/\n +at .*/.exec(cause.stack ?? '')?.[0] ?? '') : '';
    if (told.has(where)) return;
    told.add(where);
    tell({ kind: 'finding', input: Buffer.from(input), reason });
  }
}

function tell(news: WorkerNews): void {
  parentPort?.postMessage(news);
}
