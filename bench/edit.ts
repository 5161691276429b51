/**
 * How soon a small change is out among many zones: from the commit of an SQL edit to its NOTIFY on the wire, and from the answer of a
 * target that ten zones follow to the commit of all ten. `npm run bench -- edit [--zones 2000] [--edits 100]`. The full size is
 * `--zones 100000`; `--growth` measures 1,000 and 10,000 zones before. Beside it stands the least: the commit of an edit and a
 * datagram there and back, without a service in between.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startService } from '../test/support/service.ts';
import { Receiver } from './fanout/receiver.ts';
import { openStage, type Stage, settled, zoneName } from './fanout/stage.ts';
import { printMachine } from './small/table.ts';

const { values: given } = parseArgs({
  options: {
    zones: { type: 'string', default: '2000' },
    edits: { type: 'string', default: '100' },
    growth: { type: 'boolean', default: false },
  },
});

const FEW = 'few.example.net.';
const DEADLINE = 10_000; // ms until a change is given up

interface Figures {
  zones: number;
  /** Of a zone that had no new serial since the start, and of one that had. */
  first: number[];
  later: number[];
  moved: number[];
  bare: number[];
}

const sizes = [...(given.growth ? [1_000, 10_000] : []), Number(given.zones)];
const all: Figures[] = [];
for (const zones of sizes) all.push(await measure(zones, Number(given.edits)));
printMachine();
console.log('\n### A small change among many zones, ms\n');
console.log('| zones | what | p50 | p99 | most |');
console.log('| --- | --- | --- | --- | --- |');
for (const { zones, first, later, moved, bare } of all) {
  console.log(
    `| ${zones} | SQL edit committed -> NOTIFY on the wire, a zone's first since the start | ${quantiles(first)} |`,
  );
  console.log(`| ${zones} | the same, later ones | ${quantiles(later)} |`);
  console.log(`| ${zones} | answer of a target of ten zones -> all committed | ${quantiles(moved)} |`);
  console.log(`| ${zones} | bare: edit committed -> datagram there and back | ${quantiles(bare)} |`);
}

async function measure(zones: number, edits: number): Promise<Figures> {
  const receiver = await Receiver.open();
  const stage = await openStage(zones, `127.0.0.1:${receiver.port}`);
  try {
    // everybody has taken what there is: only what changes from here on is told
    await stage.pool.query('update notifications set sent_serial = serial, acked_serial = serial');
    await stage.operator.query(
      `with made as (
         insert into zones (name, primary_ns, contact)
         select name, 'ns1.' || name, 'h.' || name from (select 'few' || n || '.test.' as name from generate_series(0, 9) as n) as names
         returning id, name)
       insert into records (zone_id, name, type, content)
       select id, name, type, content from made cross join (values ('NS', 'ns1.example.net.'), ('ALIAS', '${FEW}')) as r (type, content)`,
    );
    const service = await startService({
      databaseUrl: stage.url,
      settings: { RESYNC_CRON: '0 0 1 1 *', LOG_LEVEL: 'warn' },
    });
    try {
      await settled(stage);
      await stage.move('198.51.100.1', FEW);
      await settled(stage);
      const figures: Figures = { zones, first: [], later: [], moved: [], bare: [] };
      for (let edit = 0; edit < edits; edit++) {
        const zone = zoneName((edit * 7919) % zones);
        figures.first.push(await editAndHear(stage, receiver, zone, '192.0.2.2'));
        figures.later.push(await editAndHear(stage, receiver, zone, '192.0.2.3'));
        figures.moved.push(await moveFew(stage, edit));
        figures.bare.push(await bareEdit(stage, receiver, edit));
        await sleep(10 + Math.random() * 40);
      }
      process.stderr.write(`${zones} zones measured\n`);
      return figures;
    } finally {
      await service.stop();
    }
  } finally {
    receiver.close();
    await stage.close();
  }
}

async function editAndHear(stage: Stage, receiver: Receiver, zone: string, address: string): Promise<number> {
  const heard = receiver.next(zone);
  await stage.operator.query(
    `update records set content = $2 where zone_id = (select id from zones where name = $1) and owner = 'www.' || $1 and type = 'A'`,
    [zone, address],
  );
  const committed = performance.now();
  return Math.max(0, (await heard) - committed);
}

async function moveFew(stage: Stage, edit: number): Promise<number> {
  const address = `203.0.113.${(edit % 250) + 1}`;
  const begun = performance.now();
  await stage.move(address, FEW);
  for (;;) {
    const { rows } = await stage.operator.query(
      `select count(*)::integer as done from zones z join transfer_records t on t.zone_id = z.id and t.owner = z.name
       where z.name like 'few%' and t.type = 'A' and t.content = $1`,
      [address],
    );
    if (rows[0].done === 10) return performance.now() - begun;
    if (performance.now() - begun > DEADLINE) throw new Error(`${rows[0].done} of 10 zones have ${address}`);
    await sleep(1);
  }
}

/** The same edit of a table of its own, and a datagram to the receiver when it is committed. */
async function bareEdit(stage: Stage, receiver: Receiver, edit: number): Promise<number> {
  await stage.operator.query('create table if not exists bare_edit (id integer primary key, content text)');
  const begun = performance.now();
  await stage.operator.query(
    'insert into bare_edit values (1, $1) on conflict (id) do update set content = excluded.content',
    [String(edit)],
  );
  await receiver.echo();
  return performance.now() - begun;
}

function quantiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return [at(0.5), at(0.99), at(1)].map((value) => value.toFixed(1)).join(' | ');
}
