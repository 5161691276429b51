import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readCorpus } from './engine/corpus.ts';
import { fuzz } from './engine/run.ts';
import { longRepetitions, shapesOf } from './shapes.ts';
import { targets } from './targets/index.ts';

const parsers = Object.entries(targets);
const RUNS = 150;

describe.each(parsers)('%s', (parser, { run }) => {
  test('every kept input', async () => {
    for (const [file, input] of readCorpus(parser)) {
      try {
        await run(input);
      } catch (error) {
        throw new Error(`test/fuzz/corpus/${parser}/${file}: ${String(error)}`, { cause: error });
      }
    }
  });

  test('what is well-formed, and nearly so', async () => {
    await fc.assert(
      fc.asyncProperty(shapesOf(parser), async (input) => run(input)),
      { numRuns: RUNS },
    );
  });

  // what takes time by the square of its length does not come to its end
  test('words said again and again, as far as it takes them', { timeout: 180_000 }, async () => {
    const seeds = longRepetitions(parser);
    const { findings, done } = await fuzz(parser, { seeds, forMs: 0 });
    expect(findings.map(({ input, reason }) => `${input.subarray(0, 20)}…: ${reason}`)).toEqual([]);
    expect(done).toBe(seeds.length);
  });
});

test('the guided search reaches what its seed does not', async () => {
  const { news, findings, done } = await fuzz('name-text', {
    seeds: [Buffer.from('a.')],
    forMs: 60_000,
    runs: 4_000,
    seed: 1,
  });
  expect(findings).toEqual([]);
  expect(done).toBeGreaterThanOrEqual(4_000);
  expect(news.length).toBeGreaterThan(0);
});

test('a failure is told once, with its input', async () => {
  const { findings } = await fuzz('self-test-throws', {
    seeds: [Buffer.from('x')],
    forMs: 60_000,
    runs: 1_000,
    seed: 1,
  });
  expect(findings).toEqual([{ input: Buffer.from('x'), reason: expect.stringContaining('as it should') }]);
});

test.each([
  ['never ends', 'self-test-hangs', 2_000, /no end within/],
  ['takes all memory', 'self-test-fills', 60_000, /MB of memory/],
  ['ends the process', 'self-test-aborts', 60_000, /SIGABRT/],
] as const)('an input that %s is caught and named', async (_what, parser, hangMs, reason) => {
  const { findings } = await fuzz(parser, {
    seeds: [Buffer.from('x')],
    forMs: 60_000,
    runs: 10,
    hangMs,
  });
  expect(findings).toEqual([{ input: Buffer.from('x'), reason: expect.stringMatching(reason) }]);
});
