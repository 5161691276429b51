import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { countHeld, readGuards, zonesHeld } from '../../../src/store/guards/status.ts';
import { followAgain, recheckDenied } from '../../../src/store/in-zone/recheck.ts';
import { aliasPolicy } from '../../../src/zone/alias/policy.ts';
import { guardPolicy } from '../../../src/zone/guard.ts';
import { addRecord, addZone, lookAt, publishAll, type TestStore, testStore } from '../../support/store.ts';

const OWN = 'own.test.';
const HOLD = 900_000;
const STALE = 60_000;

let store: TestStore;
let own: string;
beforeEach(async () => {
  store = await testStore();
  own = await addZone(store, OWN);
});
afterEach(() => store.close());

/** Zones with an ALIAS at their own name and one below it, which follow a name of `own.test.`. */
async function followers(count: number, target = `t.${OWN}`): Promise<string[]> {
  const ids: string[] = [];
  for (let zone = 0; zone < count; zone++) {
    const name = `z${zone}.test.`;
    const id = await addZone(store, name);
    await addRecord(store, id, name, 'ALIAS', target);
    await addRecord(store, id, `www.${name}`, 'ALIAS', target);
    ids.push(id);
  }
  return ids;
}

/** How many names publish an address now: at zones' own names, and below them. */
async function publishing() {
  const { rows } = await store.operator.query(
    `select count(*) filter (where name like 'z%')::integer as apex, count(*) filter (where name like 'www.%')::integer as below
     from transfer_records where type in ('A', 'AAAA') and name <> $1`,
    [`t.${OWN}`],
  );
  return rows[0] as { apex: number; below: number };
}

async function reasons(): Promise<string[]> {
  const { rows } = await store.operator.query(
    'select distinct held_reason from aliases where held_reason is not null order by 1',
  );
  return rows.map((row) => row.held_reason);
}

const edit = (text: string, values: unknown[] = []) => store.operator.query(text, values);

describe('guards of targets of our own', () => {
  const policy = aliasPolicy();
  const guards = (changes: { empty?: number; apex?: boolean }) =>
    guardPolicy({ empty: 20, change: 100, apex: false, ...changes }, policy);
  const at = async (now: number, by = guards({})) => {
    await recheckDenied(store.pool, now, by);
    await publishAll(store, now, policy);
  };

  test('empty: more than the share is held, with numbers, until there are addresses or somebody forces it', async () => {
    const address = await addRecord(store, own, `t.${OWN}`, 'A', '192.0.2.1');
    const zones = await followers(12);
    await publishAll(store, 0, policy);
    expect(await publishing()).toEqual({ apex: 12, below: 12 });
    await edit('delete from records where id = $1', [address]);
    await publishAll(store, 1_000, policy);
    await at(1_000 + HOLD);
    const says = /^guard empty: 24 of 24 aliases \(100 %\) would lose all addresses, limit 20 %: .*--force/;
    expect(await publishing()).toEqual({ apex: 12, below: 12 });
    expect(await reasons()).toEqual([expect.stringMatching(says)]);
    expect(await countHeld(store.pool)).toEqual({ empty: 24, change: 0, apex: 0 });
    expect(await readGuards(store.pool)).toMatchObject([
      { guard: 'empty', targets: 1, aliases: 24, concerned: 24, total: 24, limit: 20 },
    ]);
    expect(await zonesHeld(store.pool, 'empty', 100)).toHaveLength(12);
    // time alone releases nothing
    await at(1_000 + HOLD + 86_400_000);
    expect(await publishing()).toEqual({ apex: 12, below: 12 });

    await followAgain(store.pool, [zones[3] ?? ''], true);
    await publishAll(store, 2_000 + HOLD + 86_400_000, policy);
    expect(await publishing()).toEqual({ apex: 11, below: 11 });
    await addRecord(store, own, `t.${OWN}`, 'A', '192.0.2.2');
    await publishAll(store, 3_000 + HOLD + 86_400_000, policy);
    expect(await publishing()).toEqual({ apex: 12, below: 12 });
    expect(await reasons()).toEqual([]);
    expect(await readGuards(store.pool)).toEqual([]);
  });

  test('empty: few go, and so do many where the share is larger', async () => {
    const address = await addRecord(store, own, `t.${OWN}`, 'A', '192.0.2.1');
    await followers(12);
    await publishAll(store, 0, policy);
    await edit('delete from records where id = $1', [address]);
    await publishAll(store, 1_000, policy);
    await at(1_000 + HOLD, guards({ empty: 100 }));
    expect(await publishing()).toEqual({ apex: 0, below: 0 });
    expect(await reasons()).toEqual([]);
  });

  test('empty: losses of targets elsewhere and of our own count together', async () => {
    const address = await addRecord(store, own, `t.${OWN}`, 'A', '192.0.2.1');
    await followers(8);
    const id = await addZone(store, 'elsewhere.test.');
    for (let name = 0; name < 8; name++)
      await addRecord(store, id, `h${name}.elsewhere.test.`, 'ALIAS', 'cdn.example.');
    await publishAll(store, 0, policy);
    const both = (answer: object) => ({ 'cdn.example.': { a: answer, aaaa: answer } as never });
    await lookAt(
      store,
      { 'cdn.example.': { a: { kind: 'found', addresses: ['198.51.100.1'], ttl: 60 } } },
      1_000,
    );
    await publishAll(store, 1_000, policy);
    // sixteen of our own are on the way, so eight more of a target elsewhere are too many
    await edit('delete from records where id = $1', [address]);
    await publishAll(store, 2_000, policy);
    await lookAt(store, both({ kind: 'nxdomain' }), 3_000, undefined, guards({}));
    const { written } = await lookAt(store, both({ kind: 'nxdomain' }), 3_000 + HOLD, undefined, guards({}));
    expect(written.get('cdn.example.')?.heldBy).toMatchObject({ guard: 'empty', concerned: 24, total: 24 });
    await at(2_000 + HOLD);
    expect(await publishing()).toEqual({ apex: 8, below: 8 });
  });

  test("apex: those at zones' own names stay until --force, the others go", async () => {
    const address = await addRecord(store, own, `t.${OWN}`, 'A', '192.0.2.1');
    const [zone = ''] = await followers(2);
    await publishAll(store, 0, policy);
    await edit('delete from records where id = $1', [address]);
    await publishAll(store, 1_000, policy);
    await at(1_000 + HOLD, guards({ apex: true }));
    expect(await publishing()).toEqual({ apex: 2, below: 0 });
    expect(await reasons()).toEqual([
      expect.stringMatching(/^guard apex: .* z0\.test\. keeps its last ones/),
      expect.stringMatching(/^guard apex: .* z1\.test\. keeps its last ones/),
    ]);
    await at(1_000 + 2 * HOLD, guards({ apex: true }));
    expect(await countHeld(store.pool)).toEqual({ empty: 0, change: 0, apex: 2 });
    await followAgain(store.pool, [zone], true);
    await publishAll(store, 2_000 + 2 * HOLD, policy);
    expect(await publishing()).toEqual({ apex: 1, below: 0 });
  });
});

describe('MAX_STALE for a way that leads nowhere', () => {
  const breakIt = async (record: string) => {
    await edit('delete from records where id = $1', [record]);
    await addRecord(store, own, `t.${OWN}`, 'CNAME', `back.${OWN}`);
    await addRecord(store, own, `back.${OWN}`, 'CNAME', `t.${OWN}`);
  };
  const prepared = async (policy = aliasPolicy()) => {
    const address = await addRecord(store, own, `t.${OWN}`, 'A', '192.0.2.1');
    await followers(1);
    await edit(`update records set fallback = '{198.51.100.7,2001:db8::7}' where name = 'www.z0.test.'`);
    await publishAll(store, 0, policy);
    await breakIt(address);
    await publishAll(store, 1_000, policy);
    return async (now: number) => {
      await recheckDenied(store.pool, now, guardPolicy({ empty: 20, change: 100, apex: false }, policy));
      await publishAll(store, now, policy);
      const { rows } = await edit(
        `select name, content from transfer_records where type in ('A', 'AAAA') order by name, content`,
      );
      return rows.map(({ name, content }) => `${name} ${content}`);
    };
  };
  const before = ['www.z0.test. 192.0.2.1', 'z0.test. 192.0.2.1'];

  test('fallback addresses stand in, of the record that has some, until the way leads somewhere', async () => {
    const at = await prepared(aliasPolicy({ maxStale: STALE }));
    expect(await at(STALE)).toEqual(before);
    const looped = (name: string) =>
      expect.stringMatching(`^loop: ${name} -> t.own.test. -> back.own.test. -> t.own.test.`);
    expect(await reasons()).toEqual([looped('www.z0.test.'), looped('z0.test.')]);
    expect(await at(1_000 + STALE)).toEqual([
      'www.z0.test. 198.51.100.7',
      'www.z0.test. 2001:db8::7',
      'z0.test. 192.0.2.1',
    ]);
    expect(await reasons()).toEqual([
      looped('z0.test.'),
      `t.${OWN} had no answer for MAX_STALE: the fallback addresses stand in`,
    ]);
    await edit(`delete from records where name = $1`, [`t.${OWN}`]);
    await addRecord(store, own, `t.${OWN}`, 'A', '192.0.2.2');
    expect(await at(2_000 + STALE)).toEqual([
      't.own.test. 192.0.2.2',
      'www.z0.test. 192.0.2.2',
      'z0.test. 192.0.2.2',
    ]);
  });

  test('withdraw: the addresses go, where guards let them', async () => {
    const at = await prepared(aliasPolicy({ maxStale: STALE, onStale: 'withdraw' }));
    expect(await at(STALE)).toEqual(before);
    expect(await at(1_000 + STALE)).toEqual([]);
  });

  test.each([aliasPolicy(), aliasPolicy({ maxStale: STALE, onStale: 'keep' })])(
    'without it, or with keep, they stay for as long as it takes',
    async (policy) => {
      const at = await prepared(policy);
      expect(await at(1_000 + 1_000 * STALE)).toEqual(before);
    },
  );
});
