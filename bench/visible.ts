/**
 * From a change to a secondary's new answer, one change after another: `npm run bench -- visible [--changes 100] [--gap 500] [--pause 300] [--records 0] [--ours]`.
 * Ours: from the commit of an SQL edit to the answer of a BIND secondary. BIND -> BIND (notify-delay 0) and Knot -> Knot: from the answer to a dynamic update.
 * `--records 1000000` makes the zone that large. Between a secondary's new answer and the next change lie `--gap` ms and up to `--pause` more by chance, for all
 * alike: a BIND secondary looks at one NOTIFY of a zone in half a second at once. `--gap 0 --pause 0` has the change follow at once.
 */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { formatRdata } from '../src/dns/rdata/index.ts';
import { TYPE } from '../src/dns/types.ts';
import { removeEmbedded, startEmbedded } from '../src/embedded/index.ts';
import { Asker } from '../test/support/ask.ts';
import { freePort, installed, type Secondary, startSecondary } from '../test/support/secondaries/index.ts';
import { startService } from '../test/support/service.ts';
import { until } from '../test/support/until.ts';
import { bigRecords } from './big/zone.ts';
import { printMachine } from './small/table.ts';
import { startPrimary } from './visible/primaries.ts';
import { replaceAddress } from './visible/update.ts';

const { values: given } = parseArgs({
  options: {
    changes: { type: 'string', default: '100' },
    gap: { type: 'string', default: '500' },
    pause: { type: 'string', default: '300' },
    records: { type: 'string', default: '0' },
    ours: { type: 'boolean', default: false },
  },
});
const ZONE = 'big.test.';
const NAME = `changing.${ZONE}`;
const LOAD_MS = 900_000;

const folder = await mkdtemp(join(tmpdir(), 'zoneferry-bench-visible-'));
await chmod(folder, 0o711);
const results: { name: string; times: number[] }[] = [];
try {
  const file = join(folder, 'zone');
  await writeZone(file);
  if (!given.ours) {
    await measurePeer('bind', file);
    await measurePeer('knot', file);
  }
  await measureOurs();
  printMachine();
  console.log(
    `\n### Change to visible, ${given.changes} changes of a zone of ${Number(given.records) + 3} records, ${given.gap} to ${Number(given.gap) + Number(given.pause)} ms apart, ms\n`,
  );
  console.log('| from -> to | p50 | p99 | max |\n| --- | --- | --- | --- |');
  for (const { name, times } of results) {
    const sorted = times.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
    console.log(`| ${name} | ${at(0.5).toFixed(1)} | ${at(0.99).toFixed(1)} | ${at(1).toFixed(1)} |`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function measurePeer(kind: 'bind' | 'knot', file: string): Promise<void> {
  if (!installed(kind)) return;
  const secondary = await freePort();
  const primary = await startPrimary(kind, { zone: ZONE, file, secondary, folder });
  if (primary === undefined) return;
  const server = await startSecondary(kind, {
    primary: { ip: '127.0.0.1', port: primary.port },
    zones: [ZONE],
    port: secondary,
  });
  try {
    const name = kind === 'bind' ? 'BIND -> BIND, notify-delay 0, UPDATE' : 'Knot -> Knot, UPDATE';
    results.push({
      name,
      times: await changes(server, (address) => replaceAddress(primary.port, ZONE, NAME, address)),
    });
  } finally {
    await server.stop();
    await primary.stop();
  }
}

async function measureOurs(): Promise<void> {
  const own = join(folder, 'ours');
  await mkdir(own);
  await chmod(own, 0o711);
  const database = await startEmbedded(own);
  const pool = new pg.Pool({ connectionString: database.url, max: 2 });
  const service = await startService({
    databaseUrl: database.url,
    // as it is where nobody sets it: the helper's own looks at targets every second
    settings: { LOG_LEVEL: 'warn', RESYNC_CRON: '*/10 * * * * *', REFRESH_MIN: '30' },
  });
  const port = await freePort();
  let secondary: Secondary | undefined;
  try {
    await pool.query('insert into secondaries (name, addresses) values ($1, $2)', [
      'bind',
      [`127.0.0.1:${port}`],
    ]);
    await insertZone(pool);
    await until(
      'the first version',
      async () => (await pool.query('select from zones where published_serial is not null')).rowCount === 1,
      { deadlineMs: LOAD_MS, everyMs: 250 },
    );
    await pool.query('vacuum analyze');
    const config = await service.cli('secondary', 'config', 'bind', '--for', 'bind');
    secondary = await startSecondary('bind', { primary: service.dns, zones: [ZONE], port, config });
    const times = await changes(secondary, async (address) => {
      await pool.query(`update records set content = $1 where owner = $2 and type = 'A'`, [address, NAME]);
    });
    results.push({ name: 'Zoneferry -> BIND, SQL', times });
    const { rows } = await pool.query(
      `select count, sum_ms / count as mean, max_ms from visible_times where minute = '-infinity'`,
    );
    console.error(`as the ledger has it: ${JSON.stringify(rows[0])}`);
  } finally {
    await secondary?.stop();
    await service.stop();
    await pool.end();
    await database.leave();
    await removeEmbedded(own);
  }
}

/** Changes the address again and again; ms from the end of each change to the secondary's new answer. */
async function changes(secondary: Secondary, change: (address: string) => Promise<void>): Promise<number[]> {
  const asker = await Asker.connect(secondary);
  const times: number[] = [];
  try {
    await answered(asker, '192.0.2.1', LOAD_MS);
    await sleep(2_000);
    for (let turn = 1; turn <= Number(given.changes); turn++) {
      const address = `192.0.3.${(turn % 250) + 1}`;
      await change(address);
      const changed = performance.now();
      await answered(asker, address, 60_000);
      times.push(performance.now() - changed);
      await sleep(Number(given.gap) + Math.random() * Number(given.pause));
    }
  } finally {
    asker.close();
  }
  return times;
}

async function answered(asker: Asker, address: string, deadlineMs: number): Promise<void> {
  for (const end = performance.now() + deadlineMs; performance.now() < end; ) {
    const reply = await asker.ask(NAME, TYPE.A);
    if (reply?.answers.some(({ type, rdata }) => formatRdata(type, rdata) === address)) return;
    await sleep(0.2);
  }
  throw new Error(`${address} was not answered within ${deadlineMs} ms`);
}

function* records(): Generator<readonly [string, string, string, number]> {
  yield [NAME, 'A', '192.0.2.1', 60];
  const more = Number(given.records);
  if (more > 0) yield* bigRecords(more);
  else yield [ZONE, 'NS', 'ns1.example.net.', 3600];
}

async function writeZone(file: string): Promise<void> {
  const stream = createWriteStream(file);
  stream.write(`${ZONE} 3600 IN SOA ns1.example.net. hostmaster.example.net. 1 7200 900 1209600 300\n`);
  let lines: string[] = [];
  for (const [owner, type, content, ttl] of records()) {
    if (lines.push(`${owner} ${ttl} IN ${type} ${content}\n`) < 20_000) continue;
    if (!stream.write(lines.join(''))) await once(stream, 'drain');
    lines = [];
  }
  stream.end(lines.join(''));
  await finished(stream);
}

async function insertZone(pool: pg.Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const { rows } = await client.query<{ id: string }>(
      `insert into zones (name, primary_ns, contact) values ($1, 'ns1.example.net.', 'h@example.net') returning id`,
      [ZONE],
    );
    let batch: (readonly [string, string, string, number])[] = [];
    const insert = async () => {
      await client.query(
        'insert into records (zone_id, name, type, content, ttl) select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::integer[])',
        [rows[0]?.id, ...[0, 1, 2, 3].map((column) => batch.map((row) => row[column]))],
      );
      batch = [];
    };
    for (const row of records()) if (batch.push(row) === 20_000) await insert();
    await insert();
    await client.query('commit');
  } finally {
    client.release();
  }
}
