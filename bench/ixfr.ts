/**
 * IXFR of a change of one record of a large zone, beside Knot and BIND where they are installed, in the same run:
 * `npm run bench -- ixfr [--records 1000000] [--runs 5] [--peers Knot,BIND]`. The client is `big/drain.c`, one transfer at a time.
 */
import { connect } from 'node:net';
import { FrameReader, frame } from '../src/dns/framer.ts';
import { absoluteName } from '../src/dns/name.ts';
import { questionOf } from '../src/dns/query.ts';
import { CLASS_IN, OPCODE, TYPE } from '../src/dns/types.ts';
import { MessageWriter } from '../src/dns/writer.ts';
import { prepareOurs } from './big/ours.ts';
import { peersHere, type Running, startPeer } from './big/peers.ts';
import { onStage, type Stage, say } from './big/stage.ts';
import { BIG, SERIAL } from './big/zone.ts';
import { median, printMachine } from './small/table.ts';

const TRANSFERS = 5_000;
const KINDS = ['fresh', 'kept', 'up to date'] as const;

interface Figures {
  name: string;
  p50: Record<How, number[]>;
  p99: Record<How, number[]>;
}

type How = (typeof KINDS)[number];

await onStage({ small: 0 }, async (stage) => {
  const all: Figures[] = [];
  for (const name of stage.peers ?? peersHere({ withIxfr: true })) {
    const server = await startPeer(name, stage.files, stage.folder);
    try {
      await update(server.port);
      const { serial } = await stage.client.axfr(server.port);
      all.push(await measure(stage, server, serial));
    } finally {
      await server.stop();
    }
  }
  say('Zoneferry: filling PostgreSQL, which takes minutes');
  const database = await prepareOurs(stage.records, stage.small, stage.folder);
  try {
    const server = await database.start();
    try {
      const serial = await database.change();
      all.unshift(await measure(stage, server, serial));
    } finally {
      await server.stop();
    }
  } finally {
    await database.close();
  }
  print(all);
});

async function measure({ client, runs }: Stage, server: Running, serial: number): Promise<Figures> {
  const none = () => ({ fresh: [], kept: [], 'up to date': [] }) as Record<How, number[]>;
  const figures: Figures = { name: server.name, p50: none(), p99: none() };
  await client.ixfr(server.port, serial - 1, TRANSFERS, 'fresh');
  for (let run = 0; run < runs; run++) {
    for (const kind of KINDS) {
      const from = kind === 'up to date' ? serial : serial - 1;
      const drained = await client.ixfr(server.port, from, TRANSFERS, kind === 'kept' ? 'kept' : 'fresh');
      if (kind !== 'up to date' && drained.records !== TRANSFERS * 5) {
        throw new Error(
          `${server.name} gave ${drained.records / TRANSFERS} records: 5 are the change of one`,
        );
      }
      figures.p50[kind].push(drained.p50);
      figures.p99[kind].push(drained.p99);
    }
    say(
      `${server.name}: fresh p50 ${figures.p50.fresh[run]} p99 ${figures.p99.fresh[run]} ms, kept p50 ${figures.p50.kept[run]}`,
    );
  }
  return figures;
}

/** Adds a record by dynamic update (RFC 2136): the peers' way to a journal. */
async function update(port: number): Promise<void> {
  const writer = new MessageWriter({ limit: 1_232 });
  writer.header({ id: 1, flags: OPCODE.UPDATE << 11 }).question(questionOf(absoluteName(BIG), TYPE.SOA));
  writer.record(
    absoluteName(`change.${BIG}`),
    TYPE.A,
    CLASS_IN,
    300,
    Buffer.from([198, 18, 0, 1]),
    'authority',
  );
  const socket = connect({ host: '127.0.0.1', port });
  socket.write(frame(writer.finish()));
  const frames = new FrameReader();
  for await (const chunk of socket) {
    const [reply] = frames.push(chunk);
    if (reply === undefined) continue;
    const rcode = reply.readUInt16BE(2) & 15;
    if (rcode !== 0) throw new Error(`the update was refused: rcode ${rcode}`);
    break;
  }
  socket.destroy();
}

function print(all: readonly Figures[]): void {
  printMachine();
  const titles: Record<How, string> = {
    fresh: 'a fresh connection each',
    kept: 'on one connection',
    'up to date': 'nothing new, a fresh connection each',
  };
  console.log(`\n### IXFR of one changed record of ${BIG}, from serial ${SERIAL}, one at a time\n`);
  console.log('| server | how | p50 ms | p99 ms |\n| --- | --- | --- | --- |');
  for (const kind of KINDS) {
    for (const { name, p50, p99 } of all) {
      console.log(`| ${name} | ${titles[kind]} | ${range(p50[kind])} | ${range(p99[kind])} |`);
    }
  }
}

function range(values: readonly number[]): string {
  return `${median(values).toFixed(3)} (${Math.min(...values).toFixed(3)}-${Math.max(...values).toFixed(3)})`;
}
