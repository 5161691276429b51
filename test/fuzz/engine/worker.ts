import { messageOf } from '../../../src/errors.ts';
import { targets } from '../targets/index.ts';
import { faulty } from '../targets/self-test.ts';
import { Coverage } from './coverage.ts';
import { Dice, mutate } from './mutate.ts';
import { Present } from './present.ts';
import type { Work, WorkerNews } from './run.ts';

/** Inputs between two looks at the coverage: a look costs as much as some hundred inputs. */
const BATCH = 400;

// the process that started this one is gone
process.on('disconnect', () => process.exit(1));
const { parser, seeds, until, runs, seed, ...where } = await new Promise<Work>((resolve) =>
  process.once('message', (work) => resolve(work as Work)),
);
const target = (targets[parser] ?? faulty[parser])!;
const present = Present.open(where.present);
const dice = new Dice(seed);
const dictionary = (target.dictionary ?? []).map((word) => Buffer.from(word));
const coverage = new Coverage('/src/');
const kept: Buffer[] = [];
const places = new Set<string>();
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
  // what is told is sent, and the other end heard of, between two turns of the event loop
  await new Promise((turn) => setImmediate(turn));
}
coverage.close();
process.send?.({ kind: 'end', done, kept: kept.length, seen: coverage.seen } satisfies WorkerNews, () =>
  process.exit(),
);

async function run(input: Buffer): Promise<void> {
  // for whoever watches from outside: what it was at, should it never come back
  present.set(input);
  done++;
  try {
    await target.run(input);
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
    const { cause = error } = error as Error;
    // one of each place that throws: words differ with each input
    const where = cause instanceof Error ? (/\n +at .*/.exec(cause.stack ?? '')?.[0] ?? '') : '';
    if (places.has(where)) return;
    places.add(where);
    tell({ kind: 'finding', input: Buffer.from(input), reason });
  }
}

function tell(news: WorkerNews): void {
  process.send?.(news);
}
