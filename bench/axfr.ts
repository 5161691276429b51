/**
 * AXFR of one large zone beside the servers that are installed, in the same run, with 10,000 small zones loaded as well:
 * `npm run bench -- axfr [--records 1000000] [--small 10000] [--runs 5] [--peers NSD,Knot,BIND]`. The client is `big/drain.c`, and the
 * most that the machine can do is what `big/ready.c` does: both are compiled at the start.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServerProcess } from '../test/support/secondaries/server-process.ts';
import { compile, type Drained, memoryOf, recordAnswer } from './big/measure.ts';
import { prepareOurs } from './big/ours.ts';
import { peersHere, type Running, startPeer } from './big/peers.ts';
import { onStage, type Stage, say } from './big/stage.ts';
import { median, printMachine } from './small/table.ts';

/** Milliseconds, but for memory in MB and starts in seconds. */
interface Figures {
  name: string;
  warm: number[];
  four: number[];
  signed: number[];
  load: number[];
  coldAxfr: number[];
  memory: number[];
  afterChange: number[];
  octets: number;
  messages: number;
}

await onStage({ small: 10_000 }, async (stage) => {
  const all: Figures[] = [];
  for (const name of stage.peers ?? peersHere()) {
    const figures = empty(name);
    const server = await startPeer(name, stage.files, stage.folder);
    try {
      await measure(stage, server, figures);
    } finally {
      await server.stop();
    }
    all.push(figures);
  }

  say('Zoneferry: filling PostgreSQL, which takes minutes');
  const database = await prepareOurs(stage.records, stage.small, stage.folder);
  const ours = empty('Zoneferry');
  let ready: Figures | undefined;
  try {
    for (let start = 1; start < Math.min(3, stage.runs); start++) {
      const server = await database.start();
      ours.load.push(server.loaded);
      ours.coldAxfr.push((await stage.client.axfr(server.port)).seconds * 1000);
      await server.stop();
    }
    const server = await database.start();
    try {
      await measure(stage, server, ours);
      for (let run = 0; run < stage.runs; run++) {
        await database.change();
        ours.afterChange.push(only(await stage.client.axfr(server.port)));
        await stage.client.axfr(server.port);
      }
      ours.memory.push(await memoryOf(server.pid));
      ready = await measureReady(stage, server, ours.octets);
    } finally {
      await server.stop();
    }
  } finally {
    await database.close();
  }
  print(stage, ours, all, ready);
});

function empty(name: string): Figures {
  return {
    name,
    warm: [],
    four: [],
    signed: [],
    load: [],
    coldAxfr: [],
    memory: [],
    afterChange: [],
    octets: 0,
    messages: 0,
  };
}

async function measure({ client, runs, small }: Stage, server: Running, figures: Figures): Promise<void> {
  const { port, name } = server;
  figures.load.push(server.loaded);
  const first = await client.axfr(port);
  figures.coldAxfr.push(first.seconds * 1000);
  // each small zone once, so that what is kept of them is in memory too
  await client.zones(port, small.names);
  await sleep(2_000);
  figures.memory.push(await memoryOf(server.pid));
  for (let run = 0; run < runs; run++) {
    const one = await client.axfr(port);
    Object.assign(figures, { octets: one.octets, messages: one.messages });
    figures.warm.push(only(one));
    figures.four.push((await client.axfr(port, { transfers: 4, connections: 4 })).seconds * 1000);
    figures.signed.push(only(await client.axfr(port, { signed: true })));
    say(
      `${name}: ${figures.warm[run]?.toFixed(1)} ms, four ${figures.four[run]?.toFixed(1)}, signed ${figures.signed[run]?.toFixed(1)}`,
    );
  }
  figures.memory.push(await memoryOf(server.pid));
}

/** What our octets take when nothing but writing them is left to do. */
async function measureReady(stage: Stage, server: Running, octets: number): Promise<Figures> {
  const file = join(stage.folder, 'answer');
  await writeFile(file, await recordAnswer(server.port, octets));
  const program = await compile('ready', stage.folder);
  const ready = new ServerProcess(program, [file], { folder: stage.folder });
  const figures = empty('ready octets from C');
  try {
    await ready.until(async () => ready.log().includes('\n'), 10_000);
    const port = Number(ready.log());
    await stage.client.axfr(port);
    for (let run = 0; run < stage.runs; run++) {
      figures.warm.push(only(await stage.client.axfr(port)));
      figures.four.push((await stage.client.axfr(port, { transfers: 4, connections: 4 })).seconds * 1000);
    }
  } finally {
    ready.killGroup();
  }
  return figures;
}

function only(drained: Drained): number {
  return drained.seconds * 1000;
}

function print(
  { records, small }: Stage,
  ours: Figures,
  peers: readonly Figures[],
  ready: Figures | undefined,
): void {
  printMachine();
  const columns = [ours, ...peers, ...(ready === undefined ? [] : [ready])];
  console.log(
    `\n### AXFR of ${records.toLocaleString('en')} records, ${small.names.length.toLocaleString('en')} small zones loaded too\n`,
  );
  console.log(`| measure | ${columns.map(({ name }) => name).join(' | ')} |`);
  console.log(`| --- | ${columns.map(() => '---').join(' | ')} |`);
  const row = (what: string, of: (figures: Figures) => number[], digits: number, hasRatio: boolean) => {
    const mine = median(of(ours));
    const cells = columns.map((one) => {
      const values = of(one);
      if (values.length === 0) return '';
      const range = `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}-${Math.max(...values).toFixed(digits)})`;
      return one === ours || !hasRatio ? range : `${range}, ${(median(values) / mine).toFixed(1)} x`;
    });
    console.log(`| ${what} | ${cells.join(' | ')} |`);
  };
  row('one client, ms', ({ warm }) => warm, 1, true);
  row('four at once, ms for all', ({ four }) => four, 1, true);
  row('one client, TSIG hmac-sha256, ms', ({ signed }) => signed, 1, true);
  row('the first after one record changed, ms', ({ afterChange }) => afterChange, 1, false);
  row('from start to the first answer, s', ({ load }) => load, 2, false);
  row('the first AXFR after a start, ms', ({ coldAxfr }) => coldAxfr, 0, false);
  row(
    'start and first AXFR together, s',
    ({ load, coldAxfr }) => load.map((seconds, index) => seconds + (coldAxfr[index] ?? 0) / 1000),
    2,
    true,
  );
  row('memory (PSS), MB', ({ memory }) => memory, 0, false);
  console.log(
    `| messages, MB | ${columns.map((one) => (one.octets > 0 ? `${one.messages}, ${(one.octets / 1e6).toFixed(1)}` : '')).join(' | ')} |`,
  );
}
