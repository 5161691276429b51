/**
 * Coverage-guided fuzzing: `npm run fuzz -- PARSER [--minutes 1] [--seed N] [--keep]`, or `all`. It starts from the kept corpus and from
 * shapes that the tests use. Each finding is kept as a file of the corpus, which the tests run from then on; with --keep also
 * each input that reached something new.
 */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { keep, readCorpus } from './engine/corpus.ts';
import { fuzz } from './engine/run.ts';
import { shapesOf } from './shapes.ts';
import { targets } from './targets/index.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});
const [asked = ''] = positionals;
const parsers = asked === 'all' ? Object.keys(targets) : [asked];
if (parsers.some((parser) => targets[parser] === undefined)) {
  console.error(asked === '' ? 'Name a parser, or all:' : `There is no parser "${asked}". There are:`);
  for (const [parser, { about }] of Object.entries(targets))
    console.error(`  npm run fuzz -- ${parser.padEnd(16)} ${about}`);
  process.exit(1);
}
const seed = values.seed === undefined ? Date.now() % 1e9 : Number(values.seed);
const SHAPES = 100;

for (const parser of parsers) {
  const corpus = [...readCorpus(parser).values()];
  const seeds = [...corpus, ...fc.sample(shapesOf(parser), { numRuns: SHAPES, seed })];
  const { findings, news, done, seen } = await fuzz(parser, {
    seeds,
    forMs: Number(values.minutes) * 60_000,
    seed,
  });
  console.log(
    `${parser}: ${done} inputs (seed ${seed}), ${news.length} reached something new, ${seen} characters of source ran, ${findings.length} findings`,
  );
  if (values.keep) for (const input of news) keep(parser, 'new', input);
  for (const { input, reason } of findings) {
    console.log(`  ${keep(parser, 'finding', input)}\n    ${reason.split('\n').slice(0, 4).join('\n    ')}`);
    process.exitCode = 1;
  }
}
