import { afterAll, beforeAll, expect, test } from 'vitest';
import { publishMarked } from '../../../src/store/publication/publish.ts';
import { markedZones } from '../../../src/store/publication/read.ts';
import { addZone, publishAll, type TestStore, testStore } from '../../support/store.ts';
import { until } from '../../support/until.ts';

// Clients edit names that ALIAS records lead through, zones come and go, and publishers publish, all at once: in the end each ALIAS
// publishes what it would if everything were read anew.

let store: TestStore;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());

/** The same numbers for the same seed. */
function numbers(seed: number): <T>(choices: readonly T[]) => T {
  let state = seed;
  return (choices) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return choices[(state >>> 8) % choices.length] as never;
  };
}

const ZONES = ['one.test.', 'two.test.'];
const CHILD = 'sub.one.test.';
const NAMES = ['', 'a.', 'b.', '*.', 'x.b.', 'a.sub.', 'sub.'];

async function edit(pick: <T>(choices: readonly T[]) => T): Promise<void> {
  const zone = pick(ZONES);
  const name = `${pick(NAMES)}${zone}`;
  const target = `${pick(NAMES.filter((label) => label !== '*.'))}${pick(ZONES)}`;
  const add = (type: string, content: string) =>
    store.operator.query(
      'insert into records (zone_id, name, type, content) select id, $2, $3, $4 from zones where name = $1',
      [zone, name, type, content],
    );
  const work = pick([
    () => add('A', `192.0.2.${pick([1, 2, 3, 4, 5, 6, 7])}`),
    () => add('A', `192.0.2.${pick([1, 2, 3, 4, 5, 6, 7])}`),
    () => add('AAAA', `2001:db8::${pick([1, 2, 3])}`),
    () => add('ALIAS', target),
    () => add('ALIAS', target),
    () => add('CNAME', target),
    () => (name === zone ? add('TXT', '"apex"') : add(pick(['NS', 'DNAME']), target)),
    () =>
      store.operator.query('update records set disabled = not disabled where name = $1 and type <> $2', [
        name,
        'NS',
      ]),
    () =>
      store.operator.query(`delete from records where name = $1 and not (type = 'NS' and name = any ($2))`, [
        name,
        ZONES,
      ]),
    () =>
      store.operator.query(`delete from records where name = $1 and not (type = 'NS' and name = any ($2))`, [
        name,
        ZONES,
      ]),
    () => store.operator.query('delete from zones where name = $1', [CHILD]),
    () => addZone(store, CHILD),
    () =>
      store.operator.query(
        `insert into records (zone_id, name, type, content) select id, 'a.' || name, 'A', '198.51.100.1' from zones where name = $1`,
        [CHILD],
      ),
  ]);
  // what excludes one another is refused, and deadlocks of clients are their own
  await work().catch((error: Error & { code?: string }) => {
    if (!/^(23|40)/.test(error.code ?? '')) throw error;
  });
}

test.each([1, 2, 3, 4])('whatever is edited at once, seed %i', { timeout: 180_000 }, async (seed) => {
  await store.operator.query('delete from zones');
  for (const zone of ZONES) await addZone(store, zone);
  let ended = false;
  const publish = async () => {
    while (!ended) {
      const { small, large } = await markedZones(store.pool, 10, []);
      await publishMarked(store.pool, {
        serialPolicy: 'increment',
        now: Date.now(),
        zoneIds: [...small, ...large],
      });
    }
  };
  const publishers = [publish(), publish()];
  await Promise.all(
    [1, 2, 3].map(async (client) => {
      const pick = numbers(seed * 100 + client);
      for (let round = 0; round < 80; round++) await edit(pick);
    }),
  );
  ended = true;
  await Promise.all(publishers);
  await publishAll(store, Date.now());
  const read = async () =>
    (await store.operator.query('select owner, target, path, held_reason from aliases order by owner')).rows;
  const followed = await read();
  await store.pool.query('insert into zone_marks (zone_id, owner) select id, null from zones');
  expect(await publishAll(store, Date.now())).toEqual([]);
  expect(await read()).toEqual(followed);
});

test('an edit that is published while an ALIAS that newly reads it is, too, is followed', async () => {
  await store.operator.query('delete from zones');
  const [one = '', two = ''] = [await addZone(store, ZONES[0] ?? ''), await addZone(store, ZONES[1] ?? '')];
  const add = (zoneId: string, name: string, type: string, content: string) =>
    store.operator.query('insert into records (zone_id, name, type, content) values ($1, $2, $3, $4)', [
      zoneId,
      name,
      type,
      content,
    ]);
  await add(two, 't.two.test.', 'A', '192.0.2.1');
  await publishAll(store);
  const publish = (zoneId: string) =>
    publishMarked(store.pool, { serialPolicy: 'increment', now: Date.now(), zoneIds: [zoneId] });
  const holder = await store.operator.connect();
  for (let attempt = 0; ; attempt++) {
    await store.operator.query(`update records set content = '192.0.2.1' where zone_id = $1 and type = 'A'`, [
      two,
    ]);
    await store.operator.query(`delete from records where zone_id = $1 and type = 'ALIAS'`, [one]);
    await publishAll(store);
    await add(one, 'one.test.', 'ALIAS', 't.two.test.');
    await holder.query('begin; lock table aliases in share row exclusive mode');
    const early = publish(one).then(
      () => true,
      () => false, // it waits for a second only, and a busy machine may need more
    );
    await until('it stands before the lock', async () => {
      const { rowCount } = await store.operator.query(
        `select from pg_locks where not granted and relation = 'aliases'::regclass`,
      );
      return rowCount === 1;
    });
    await store.operator.query(`update records set content = '192.0.2.2' where zone_id = $1 and type = 'A'`, [
      two,
    ]);
    await publish(two);
    await holder.query('commit');
    if (await early) break;
    if (attempt === 5) throw new Error('the lock was never released in time');
  }
  holder.release();
  const published = async () =>
    (
      await store.operator.query(
        `select content from transfer_records where owner = 'one.test.' and type = 'A'`,
      )
    ).rows;
  expect(await published()).toEqual([{ content: '192.0.2.1' }]);
  await publishAll(store);
  expect(await published()).toEqual([{ content: '192.0.2.2' }]);
});
