import { readFile } from 'node:fs/promises';

/** `npm run bench -- NAME [options]`: one of the benchmarks of this folder. README.md says what each shows. */
const BENCHES: Record<string, { file: string; shows: string }> = {
  axfr: {
    file: './axfr.ts',
    shows: 'a zone of 1,000,000 records: warm, signed, four at once, after a change, cold, memory',
  },
  ixfr: { file: './ixfr.ts', shows: 'a change of one record of that zone' },
  'small-zones': { file: './small-zones.ts', shows: '10,000 zones of 12 records' },
  soa: { file: './soa.ts', shows: 'SOA over UDP' },
  edit: {
    file: './edit.ts',
    shows:
      'an SQL edit until its NOTIFY, and a small target that moves until it is committed, among many zones',
  },
  fanout: {
    file: './fanout.ts',
    shows: 'a target that many zones follow moves, beside bare set-based SQL',
  },
  soak: {
    file: './soak.ts',
    shows: 'an hour of churn with real secondaries: what grows',
  },
  sweep: { file: './sweep.ts', shows: 'a sweep of 100,000 targets under 1,000,000 aliases, nothing changed' },
  visible: { file: './visible.ts', shows: 'from a change to the new answer of a secondary' },
  ledger: { file: './ledger.ts', shows: 'what the ledger of convergence costs beside SOA and AXFR' },
  converge: { file: './converge.ts', shows: 'many zones change at once: all told, all seen serving' },
  scale: {
    file: './scale.ts',
    shows: 'what very many zones would ask for, and what is full first: a simulation',
  },
  dashboard: {
    file: './dashboard.ts',
    shows: 'the dashboard in Chromium among many zones: octets, first paint',
  },
  move: { file: './move.ts', shows: 'one of those targets moves: answer seen to committed' },
  floods: { file: './floods.ts', shows: 'floods by strangers: what registered secondaries wait, and memory' },
  follow: { file: './measure-follow.ts', shows: 'how soon a change is to be seen' },
};

const [name = '', ...options] = process.argv.slice(2);
const bench = BENCHES[name];
if (bench === undefined) {
  console.error(name === '' ? 'Name a benchmark:' : `There is no benchmark "${name}". There are:`);
  for (const [one, { shows }] of Object.entries(BENCHES))
    console.error(`  npm run bench -- ${one.padEnd(12)} ${shows}`);
  process.exit(1);
}
if (options.includes('--help')) {
  console.log(await headOf(bench.file));
  process.exit();
}
process.argv.splice(1, process.argv.length - 1, bench.file, ...options);
await import(bench.file);

/** What a benchmark's file says of itself at its head, its options among it. */
async function headOf(file: string): Promise<string> {
  const text = await readFile(new URL(file, import.meta.url), 'utf8');
  const head = /\/\*\*\n(.*?)\*\//s.exec(text)?.[1] ?? '';
  return head.replaceAll(/^ \* ?/gm, '').trim();
}
