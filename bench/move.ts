/**
 * One target of many moves: from the moment at which its new address leaves the resolver to the commit of every zone that follows it, ten
 * of them: `npm run bench -- move [--aliases 1000000] [--moves 100]`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { until } from '../test/support/until.ts';
import { Upstream } from '../test/support/upstream.ts';
import { median, printMachine } from './small/table.ts';
import { ipv6Of, sizeOf, TTL, targetName, zonesOf } from './sweep/dataset.ts';
import { onStage, type Stage } from './sweep/stage.ts';
import { startWorker } from './sweep/worker.ts';

const { values: given } = parseArgs({
  options: { aliases: { type: 'string', default: '1000000' }, moves: { type: 'string', default: '100' } },
});
const size = sizeOf(Number(given.aliases));
const WARM_UP = 10;

await onStage(size, measure);

async function measure({ folder, databaseUrl, pool, onEnd }: Stage): Promise<void> {
  const upstream = await Upstream.start();
  onEnd(() => upstream.close());
  const worker = await startWorker(databaseUrl, upstream.endpoint.port, folder);
  onEnd(() => worker.stop());
  // a hint that is sent in the transaction of a publication arrives when that is committed
  const listener = new pg.Client({ connectionString: databaseUrl });
  await listener.connect();
  onEnd(() => listener.end());
  let committedAt = 0;
  listener.on('notification', () => {
    committedAt = performance.now();
  });
  await listener.query('listen zoneferry_versions');

  const times: number[] = [];
  for (let move = 0; move < Number(given.moves) + WARM_UP; move++) {
    const target = Math.floor((move * size.targets) / (Number(given.moves) + WARM_UP));
    const name = targetName(target);
    const address = `203.0.113.${(move % 250) + 1}`;
    upstream.set(name, { A: [address], AAAA: [ipv6Of(target)], ttl: TTL });
    let seenAt = 0;
    upstream.onQuery = (query) => {
      if (query.questions[0]?.type === 1) seenAt = performance.now();
    };
    await pool.query('update alias_targets set due_at = now() where name = $1', [name]);
    await pool.query(`select pg_notify('zoneferry_targets', '')`);
    const zones = zonesOf(target, size);
    await until(`${name} in ${zones.length} zones`, async () => {
      const { rows } = await pool.query(
        `select count(*)::integer as count from zones z where z.name = any ($1) and exists (select from transfer_records t
           where t.zone_id = z.id and t.owner like 'a%' and t.content = $2)`,
        [zones, address],
      );
      return rows[0].count === zones.length;
    });
    await sleep(20);
    if (move >= WARM_UP) times.push(committedAt - seenAt);
  }

  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
  printMachine();
  console.log(
    `\nOne target of ${size.targets.toLocaleString('en')} moves among ${size.aliases.toLocaleString('en')} aliases, ten of them in ten zones follow it: answer seen -> all committed, ${times.length} moves\n`,
  );
  console.log('| p50, ms | p99, ms | max, ms |\n| --- | --- | --- |');
  console.log(`| ${median(times).toFixed(1)} | ${at(0.99)} | ${at(1)} |`);
}
