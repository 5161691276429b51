/**
 * One target that many zones follow moves, until all of them are committed and journalled with their NOTIFYs queued, beside bare
 * set-based SQL that does the same writes: `npm run bench -- fanout [--zones 2000] [--runs 5]`. Meanwhile another zone is edited by SQL.
 * The full size is `--zones 100000`; `--growth` measures 1,000 and 10,000 zones before; with `--own` the target is a name of a zone of ours, which an SQL edit moves.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { moveBare, prepareBare } from './fanout/bare.ts';
import { openStage, type Stage, settled } from './fanout/stage.ts';
import { median, printMachine } from './small/table.ts';

const { values: given } = parseArgs({
  options: {
    zones: { type: 'string', default: '2000' },
    runs: { type: 'string', default: '5' },
    growth: { type: 'boolean', default: false },
    own: { type: 'boolean', default: false },
  },
});

interface Figures {
  zones: number;
  /** Milliseconds from the look's answer to the last commit, and of the bare SQL. */
  ours: number[];
  bare: number[];
  /** Milliseconds from the commit of an edit of another zone in the middle to its publication. */
  edits: number[];
}

const sizes = [...(given.growth ? [1_000, 10_000] : []), Number(given.zones)];
const all: Figures[] = [];
for (const zones of sizes) all.push(await measure(zones, Number(given.runs)));
print(all);

async function measure(zones: number, runs: number): Promise<Figures> {
  const stage = await openStage(zones, '127.0.0.1:9', given.own);
  try {
    await stage.operator.query(
      `with z as (insert into zones (name, primary_ns, contact) values ('other.test.', 'ns1.other.test.', 'h.other.test.') returning id)
       insert into records (zone_id, name, type, content) select id, name, type, content from z, (values
         ('other.test.', 'NS', 'ns1.other.test.'), ('www.other.test.', 'A', '192.0.2.1')) as r (name, type, content)`,
    );
    const figures: Figures = { zones, ours: [], bare: [], edits: [] };
    const stop = await stage.publisher();
    try {
      await settled(stage);
      await prepareBare(stage.pool);
      for (let run = 0; run < runs; run++) {
        await stage.pool.query('checkpoint');
        figures.ours.push(await moveOurs(stage, run, figures.edits));
        figures.bare.push(await moveBare(stage.pool, `198.51.100.${run + 10}`));
        process.stderr.write(
          `${zones} zones: ours ${Math.round(figures.ours[run] ?? 0)} ms, bare ${Math.round(figures.bare[run] ?? 0)} ms, an edit meanwhile ${Math.round(figures.edits[run] ?? 0)} ms\n`,
        );
      }
    } finally {
      await stop();
    }
    await proveAll(stage, zones);
    return figures;
  } finally {
    await stage.close();
  }
}

async function moveOurs(stage: Stage, run: number, edits: number[]): Promise<number> {
  const begun = performance.now();
  await stage.move(`198.51.100.${run + 10}`);
  await sleep(50);
  const other = async () =>
    (await stage.operator.query(`select published_serial from zones where name = 'other.test.'`)).rows[0]
      .published_serial;
  const before = await other();
  await stage.operator.query(`update records set content = $1 where name = 'www.other.test.'`, [
    `192.0.2.${run + 10}`,
  ]);
  const edited = performance.now();
  while ((await other()) === before) await sleep(2);
  edits.push(performance.now() - edited);
  await settled(stage);
  return performance.now() - begun;
}

/** Every zone has the last address, a changeset and its NOTIFY. */
async function proveAll(stage: Stage, zones: number): Promise<void> {
  const { rows } = await stage.operator.query(
    `select count(*)::integer as done from zones z
     join transfer_records t on t.zone_id = z.id and t.owner = z.name and t.type = 'A'
     join zone_changes c on c.zone_id = z.id and c.to_serial = z.published_serial and c.added_count = 1 and c.deleted_count = 1
     join notifications n on n.zone_id = z.id and n.serial = z.published_serial
     where t.content = $1`,
    [`198.51.100.${Number(given.runs) + 9}`],
  );
  if (rows[0].done !== zones)
    throw new Error(`${rows[0].done} of ${zones} zones have come to the last address`);
}

function print(figures: readonly Figures[]): void {
  printMachine();
  console.log(
    `\n### One target${given.own ? ' of our own' : ''} moves that all zones follow: all committed, journalled, NOTIFYs queued\n`,
  );
  console.log(
    '| zones | ours, ms | bare SQL, ms | ratio | ours, µs a zone | an edit of another zone meanwhile, ms |',
  );
  console.log('| --- | --- | --- | --- | --- | --- |');
  for (const { zones, ours, bare, edits } of figures) {
    const ratios = ours.map((ms, run) => ms / (bare[run] ?? Number.NaN));
    console.log(
      `| ${zones} | ${range(ours)} | ${range(bare)} | ${range(ratios, 2)} | ${range(ours.map((ms) => (ms * 1000) / zones))} | ${range(edits)} |`,
    );
  }
}

/** The median with minimum and maximum. */
function range(values: readonly number[], digits = 0): string {
  const text = (value: number) => value.toFixed(digits);
  return `${text(median(values))} (${text(Math.min(...values))}-${text(Math.max(...values))})`;
}
