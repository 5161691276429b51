import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { silentLog } from '../../src/log.ts';
import { Hints } from '../../src/store/hints.ts';
import { writeLooks } from '../../src/store/looks.ts';
import { publishMarked } from '../../src/store/publication/publish.ts';
import { Publisher } from '../../src/sync/publisher.ts';
import type { TargetState } from '../../src/zone/alias/state.ts';
import { type Content, contentOf, replay } from '../support/journal.ts';
import { startService } from '../support/service.ts';
import { addRecord, addZone, serialOf, type TestStore, testStore } from '../support/store.ts';
import { until } from '../support/until.ts';
import { Upstream } from '../support/upstream.ts';

const NAMES = ['one.test.', 'two.test.', 'three.test.'];
const LEVELS = ['read committed', 'repeatable read', 'serializable'];

/** Publishers of this process, with a batch so small that zones are taken by turns. */
function startPublishers(store: TestStore, count: number): () => Promise<void> {
  const hints = new Hints(store.url, () => {});
  hints.start();
  const publishers = Array.from(
    { length: count },
    () =>
      new Publisher({
        pool: store.pool,
        hints,
        clock: { now: Date.now },
        log: silentLog,
        serialPolicy: 'increment',
        batch: 2,
      }),
  );
  for (const publisher of publishers) publisher.start();
  return async () => {
    for (const publisher of publishers) await publisher.stop();
    await hints.stop();
  };
}

/**
 * Writers whose every transaction changes a pair of names, x<n> and y<n>, to the same address in each zone, at each isolation level;
 * some end in a rollback. Gives how many were victims of a deadlock.
 */
async function writePairs(
  store: TestStore,
  zones: readonly string[],
  { writers, transactions }: { writers: number; transactions: number },
): Promise<number> {
  let deadlocks = 0;
  const write = async (writer: number) => {
    for (let round = 0; round < transactions; round++) {
      const client = await store.operator.connect();
      try {
        await client.query(`begin isolation level ${LEVELS[round % 3]}`);
        for (const [index, zone] of zones.entries()) {
          const address = `10.${writer}.${round >> 8}.${round & 255}`;
          for (const pair of ['x', 'y']) {
            const name = `${pair}${writer}.${NAMES[index]}`;
            await client.query('delete from records where zone_id = $1 and name = $2', [zone, name]);
            await client.query(
              `insert into records (zone_id, name, type, content) values ($1, $2, 'A', $3)`,
              [zone, name, address],
            );
          }
        }
        if (round % 7 === 0)
          await client.query('update zones set minimum = $2 where id = $1', [zones[writer % 3], 100 + round]);
        await client.query(round % 5 === 4 ? 'rollback' : 'commit');
      } catch (error) {
        await client.query('rollback');
        if ((error as { code?: string }).code === '40P01') deadlocks++;
        else if ((error as { code?: string }).code !== '40001') throw error;
      } finally {
        client.release();
      }
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  return deadlocks;
}

/** Both names of each pair have one address, in every version. */
function pairsAreWhole({ serial, lines }: Content, writers: number): void {
  for (let writer = 0; writer < writers; writer++) {
    const of = (pair: string) =>
      [...lines].find((line) => line.startsWith(`${pair}${writer}.`))?.split(' A ')[1];
    expect(of('x'), `serial ${serial}: both names of writer ${writer} changed together`).toBe(of('y'));
  }
}

async function settled(store: TestStore): Promise<void> {
  await until(
    'all marks to be published',
    async () => !(await store.operator.query('select exists (select from zone_marks) as any')).rows[0].any,
    { deadlineMs: 60_000 },
  );
}

async function makeZones(store: TestStore): Promise<string[]> {
  const zones: string[] = [];
  for (const name of NAMES) zones.push(await addZone(store, name));
  return zones;
}

test('eight SQL writers against two publishers: no transaction is split, and the journal replays to the table', async () => {
  const store = await testStore();
  const zones = await makeZones(store);
  const stop = startPublishers(store, 2);
  for (const zone of zones) while (!(await serialOf(store, zone))) await pause(10);
  const before = await Promise.all(zones.map((zone) => contentOf(store, zone)));
  expect(await writePairs(store, zones, { writers: 8, transactions: 60 })).toBe(0);
  await settled(store);
  await stop();
  for (const [index, zone] of zones.entries()) {
    const start = before[index] ?? expect.fail();
    const steps = await replay(store, zone, start, (version) => pairsAreWhole(version, 8));
    expect(steps).toBeGreaterThan(10);
    const { rows } = await store.operator.query(
      `select count(*) as sources from records where zone_id = $1 and type = 'A'`,
      [zone],
    );
    expect((await contentOf(store, zone)).lines.size - 1).toBe(Number(rows[0].sources));
  }
  await store.close();
}, 120_000);

/** A look at a target that found this address, as any process may write it. */
function found(name: string, address: string) {
  return {
    name,
    decide: (before: TargetState) => ({
      state: { ...before, answered: true, a: { ...before.a, addresses: [address], ttl: 60 } },
      changed: true,
      changedFor: { stable: true, exact: true, fallback: true },
      at: 0,
      dueAt: 0,
      news: [],
    }),
  };
}

test('four workers, two of them processes, with targets that move and SQL edits of the same zones: one serial a content', async () => {
  const store = await testStore();
  const upstream = await Upstream.start();
  const targets = ['a.example.', 'b.example.'];
  for (const [index, target] of targets.entries())
    upstream.set(target.slice(0, -1), { A: [`198.51.100.${index + 1}`], ttl: 1 });
  const zones = await makeZones(store);
  for (const [index, zone] of zones.entries()) {
    await addRecord(store, zone, NAMES[index] ?? '', 'ALIAS', targets[0] ?? '');
    for (const target of targets)
      await addRecord(store, zone, `${target[0]}.${NAMES[index]}`, 'ALIAS', target);
  }
  const options = { databaseUrl: store.url, resolver: upstream.endpoint };
  const services = await Promise.all([startService(options), startService(options)]);
  const stop = startPublishers(store, 2);
  for (const zone of zones) while (!(await serialOf(store, zone))) await pause(10);
  const before = await Promise.all(zones.map((zone) => contentOf(store, zone)));

  let edited = false;
  let moves = 0;
  const move = async (pool: number) => {
    while (!edited) {
      const looks = targets.map((target) => found(target, `203.0.113.${(moves++ % 200) + pool}`));
      // either order of the targets: rows are locked in one order all the same
      await writeLooks(store.pool, pool === 1 ? looks : looks.reverse());
      await pause(5);
    }
  };
  const moving = [move(1), move(2)];
  const deadlocks = await writePairs(store, zones, { writers: 5, transactions: 40 });
  // who newly follows a target that is answered all the time is published all the same
  for (const [index, zone] of zones.entries())
    await addRecord(store, zone, `late.${NAMES[index]}`, 'ALIAS', targets[0] ?? '');
  await until('the late aliases', async () => {
    const { rows } = await store.operator.query(`select from transfer_records where name like 'late.%'`);
    return rows.length === zones.length;
  });
  edited = true;
  await Promise.all(moving);
  await stop();
  for (const service of services) await service.stop();
  const last = startPublishers(store, 1);
  await settled(store);
  await last();

  expect(deadlocks).toBe(0);
  const { rows } = await store.operator.query(
    'select deadlocks from pg_stat_database where datname = current_database()',
  );
  expect(Number(rows[0].deadlocks), 'neither clients nor workers were victims').toBe(0);
  for (const [index, zone] of zones.entries()) {
    const steps = await replay(store, zone, before[index] ?? expect.fail(), (version) => {
      pairsAreWhole(version, 5);
      // a target's move is one serial for all of a zone's names that follow it
      const of = (name: string) =>
        [...version.lines].find((line) => line.startsWith(`${name} `) && line.includes(' A '));
      const address = (name: string) => of(name)?.split(' A ')[1];
      expect(address(`a.${NAMES[index]}`)).toBe(address(NAMES[index] ?? ''));
    });
    expect(steps).toBeGreaterThan(10);
  }
  expect(services.map((service) => service.log()).join('\n')).toMatch(/published, serial/);
  await upstream.close();
  await store.close();
}, 180_000);

test('a large zone newly follows targets that are answered all the time: it is published in one go', async () => {
  const store = await testStore();
  const targets = Array.from({ length: 200 }, (_, index) => `t${index}.example.`);
  await addZone(store, 'first.test.');
  await store.operator.query(
    `insert into records (zone_id, name, type, content)
     select id, 'h' || n || '.first.test.', 'ALIAS', 't' || n || '.example.' from zones, generate_series(0, 199) as n`,
  );
  const stop = startPublishers(store, 1);
  await settled(store);
  await stop();
  const zone = await addZone(store, 'large.test.');
  await store.operator.query(
    `insert into records (zone_id, name, type, content)
     select $1, 'h' || n || '.large.test.', 'ALIAS', 't' || n % 200 || '.example.' from generate_series(1, 3000) as n`,
    [zone],
  );
  let published = false;
  const answering = (async () => {
    for (let round = 0; !published; round++)
      await writeLooks(
        store.pool,
        targets.map((target) => found(target, `203.0.113.${round % 200}`)),
      );
  })();
  try {
    const { zones } = await publishMarked(store.pool, {
      serialPolicy: 'increment',
      now: Date.now(),
      zoneIds: [zone],
    });
    expect(zones).toMatchObject([{ name: 'large.test.', serial: 1 }]);
  } finally {
    published = true;
    await answering;
  }
  await store.close();
}, 120_000);
